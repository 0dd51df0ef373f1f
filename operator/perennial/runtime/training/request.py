"""The trainer's frozen view of ModelTraining.spec: the parts that stages read, validated, defaults filled in.

Not for identities: those are taken over the spec as it was stored. Nothing here touches data.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ValidationError

from perennial.api.algorithm import Algorithm, Candidate, Container, Decision, Preprocess, Search
from perennial.api.data import Expectation, Features, Holdout, SplitStrategy, TrainSource
from perennial.api.estimators import EstimatorTask, estimators
from perennial.api.evaluation import Evaluation
from perennial.api.problem import problems_of
from perennial.api.training import ModelTrainingSpec
from perennial.api.validate import validate_training
from perennial.api.workload import Workload
from perennial.runtime.training.failures import DataRefused

MOST_PROBLEMS = 5
"""Faults of a spec that one message lists."""


@dataclass(frozen=True, slots=True)
class Request:
    """All that decides what a run does."""

    train: TrainSource
    holdout: Holdout
    strategy: SplitStrategy
    target: str | None
    positive_class: str | None
    features: Features
    expectations: tuple[Expectation, ...]
    designs: tuple[Candidate, ...]  # several are compared; none where code of the user's own learns
    kind: EstimatorTask | None  # of all designs; None: the target decides
    container: Container | None
    search: Search | None
    calibration: str
    decision: Decision | None
    refit: Literal["all", "none"]
    preprocess: Preprocess | None  # None: chosen by column type and estimator
    evaluation: Evaluation
    slices: tuple[str, ...]  # of `slices` and of gates, each once
    seed: int
    reuse: bool
    normalised: Mapping[str, Any]  # the spec in the one form that identities are taken of

    @property
    def estimators(self) -> tuple[str, ...]:
        """Dotted paths of all designs."""
        return tuple(design.estimator for design in self.designs)


def request_of(spec: Mapping[str, Any]) -> Request:
    """Read a ModelTraining.spec (camelCase JSON).

    Raises:
        DataRefused: a field is missing or has a value that it cannot have; the message names it.
    """
    try:
        parsed = ModelTrainingSpec.model_validate(spec)
    except ValidationError as error:
        raise DataRefused("; ".join(map(str, problems_of(error)[:MOST_PROBLEMS])), reason="SpecInvalid") from error
    _refuse_problems(parsed)
    data, algorithm = parsed.data, parsed.algorithm or Algorithm.model_construct()
    container = parsed.container or _in_workload(parsed.workload)
    designs = () if container else _designs(algorithm)
    evaluation = parsed.evaluation or Evaluation()
    return Request(
        train=data.train,
        holdout=data.holdout or Holdout(),
        strategy=data.split_strategy,
        target=data.target,
        positive_class=_text(data.positive_class),
        features=data.features or Features(),
        expectations=tuple(data.expectations),
        designs=designs,
        kind=estimators()[designs[0].estimator].task if designs else own_kind(parsed),
        container=container,
        search=algorithm.search,
        calibration=algorithm.calibration,
        decision=algorithm.decision,
        refit=algorithm.refit or "none",
        preprocess=None if parsed.preprocess == "auto" else parsed.preprocess,
        evaluation=evaluation,
        slices=_slices(evaluation),
        seed=parsed.seed,
        reuse=parsed.reuse,
        normalised=parsed.normalised(),
    )


def own_kind(spec: ModelTrainingSpec) -> EstimatorTask | None:
    """What code of the user's own learns, as far as the spec says it."""
    kinds: dict[str | None, EstimatorTask] = {
        "Classification": "classifier", "Regression": "regressor", "Outlier": "outlier_detector",
    }  # fmt: skip
    code = spec.container or spec.workload
    asked = code.task if code else None
    return kinds.get(asked) or (None if spec.data.target else "outlier_detector")


def _in_workload(workload: Workload | None) -> Container | None:
    """The code in the pods of another controller, which calls for its rows itself: that is asking for them."""
    if workload is None:
        return None
    images = sorted(set(_images(workload.template.spec)), key=lambda image: ("@sha256:" in image, image))
    return Container(image=(images or [workload.kind])[0], fetch=True, task=workload.task)


def _images(part: Any) -> Iterator[str]:
    """Images anywhere in a template; which of them holds the code is not for us to tell."""
    if isinstance(part, Mapping):
        if isinstance(part.get("image"), str) and part["image"]:
            yield part["image"]
        for value in part.values():
            yield from _images(value)
    elif isinstance(part, list):
        for value in part:
            yield from _images(value)


def _designs(algorithm: Algorithm) -> tuple[Candidate, ...]:
    if algorithm.estimator:
        return (Candidate(estimator=algorithm.estimator, parameters=algorithm.parameters), *algorithm.candidates)
    if algorithm.candidates:
        return tuple(algorithm.candidates)
    raise DataRefused(
        "spec.algorithm.estimator is not set; name one, e.g. sklearn.ensemble.HistGradientBoostingClassifier",
        reason="SpecInvalid",
    )


def _refuse_problems(spec: ModelTrainingSpec) -> None:
    """What the API server cannot see in a schema."""
    problems = validate_training(spec)
    if problems:
        raise DataRefused("; ".join(map(str, problems[:MOST_PROBLEMS])), reason="SpecInvalid")


def _slices(evaluation: Evaluation) -> tuple[str, ...]:
    gated = [gate.slice.column for gate in evaluation.gates if gate.slice]
    return tuple(dict.fromkeys([*(s.column for s in evaluation.slices), *gated]))


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)
