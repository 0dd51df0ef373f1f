"""The trainer's frozen view of ModelTraining.spec: the parts that stages read, validated, defaults filled in.

Not for identities: those are taken over the spec as it was stored. Nothing here touches data.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ValidationError

from perennial.api.algorithm import Algorithm, Candidate, Decision, Preprocess, Search
from perennial.api.data import Expectation, Features, Holdout, SplitStrategy, TrainSource
from perennial.api.evaluation import Evaluation
from perennial.api.training import ModelTrainingSpec
from perennial.runtime.training.failures import DataRefused


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
    designs: tuple[Candidate, ...]  # at least one; several are compared
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
        raise DataRefused(_first_fault(error), reason="SpecInvalid") from error
    data, algorithm = parsed.data, parsed.algorithm or Algorithm()
    evaluation = parsed.evaluation or Evaluation()
    return Request(
        train=data.train,
        holdout=data.holdout or Holdout(),
        strategy=data.split_strategy,
        target=data.target,
        positive_class=_text(data.positive_class),
        features=data.features or Features(),
        expectations=tuple(data.expectations),
        designs=_designs(algorithm),
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


def _designs(algorithm: Algorithm) -> tuple[Candidate, ...]:
    if algorithm.estimator:
        return (Candidate(estimator=algorithm.estimator, parameters=algorithm.parameters), *algorithm.candidates)
    if algorithm.candidates:
        return tuple(algorithm.candidates)
    raise DataRefused(
        "spec.algorithm.estimator is not set; name one, e.g. sklearn.ensemble.HistGradientBoostingClassifier",
        reason="SpecInvalid",
    )


def _slices(evaluation: Evaluation) -> tuple[str, ...]:
    gated = [gate.slice.column for gate in evaluation.gates if gate.slice]
    return tuple(dict.fromkeys([*(s.column for s in evaluation.slices), *gated]))


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


def _first_fault(error: ValidationError) -> str:
    fault = error.errors(include_url=False)[0]
    field = ".".join(str(part) for part in fault["loc"])
    return f"spec: {field}: {fault['msg']} (came: {str(fault.get('input'))[:80]!r})"
