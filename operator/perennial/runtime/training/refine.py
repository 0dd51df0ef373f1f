"""Stage 6, design and refine: which design, parameters and threshold are kept, by training rows alone."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sklearn.pipeline import Pipeline

from perennial.api.algorithm import Candidate
from perennial.api.metrics import METRICS, USUAL
from perennial.api.rounds import rounds
from perennial.runtime.training.answers import DEFAULT_THRESHOLD
from perennial.runtime.training.decide import chosen_threshold
from perennial.runtime.training.effort import effort
from perennial.runtime.training.fitting import fit
from perennial.runtime.training.folds import folds
from perennial.runtime.training.known import KnownTrials
from perennial.runtime.training.preprocess import Prepared
from perennial.runtime.training.progress import StageClock
from perennial.runtime.training.request import Request
from perennial.runtime.training.split import Split
from perennial.runtime.training.suggest import Result, Suggestion, next_round, ranked
from perennial.runtime.training.trials import Trials

CANDIDATE_FOLDS = 5


@dataclass(frozen=True)
class Chosen:
    """The judged fit."""

    design: Candidate
    pipeline: Pipeline  # fitted on the training part
    threshold: float | None = None  # binary: of the positive class' probability
    summary: dict[str, Any] = field(default_factory=dict)  # `chosen` of run.json
    warnings: list[str] = field(default_factory=list)
    known: bool = True  # False: made by code of the user's own


def refine(prepared: Prepared, split: Split, request: Request, clock: StageClock, known: KnownTrials) -> Chosen:
    """Choose a design by cross-validation if there is a choice, fit it to the training part, and set its threshold.

    Args:
        known: trials that have been run elsewhere.

    Raises:
        UserCodeFailed: the estimator raised; with several designs only if all of them did.
        DataRefused: too few rows for the folds.
    """
    design = request.designs[0]
    tried: dict[str, Any] = {}
    if len(request.designs) > 1 or request.search:
        design, tried = _searched(prepared, split, request, clock, known)
    clock.within(0.9, f"fitting {design.estimator}")
    pipeline, warnings = fit(prepared, split.train, design, request)
    threshold = None
    if prepared.signature.task == "Binary" and hasattr(pipeline, "predict_proba"):
        threshold = DEFAULT_THRESHOLD
        if request.decision:
            threshold = chosen_threshold(prepared, split, design, request)
    summary = {"estimator": design.estimator, "parameters": dict(design.parameters), **tried}
    if threshold is not None:
        summary["threshold"] = threshold
    if request.calibration != "none":
        summary["calibration"] = request.calibration
    return Chosen(design, pipeline, threshold, summary, warnings)


def conditions(prepared: Prepared, split: Split, request: Request) -> tuple[str, Trials]:
    """What trials are compared by, and what runs them: the same folds for each, in whichever pod.

    Raises:
        DataRefused: too few rows for the folds.
    """
    metric = objective(prepared, request)
    classes = prepared.signature.classes is not None
    parts = folds(split, prepared.y, count=_folds(request), seed=request.seed, classes=classes)
    return metric, Trials(prepared, request, parts, metric)


def _folds(request: Request) -> int:
    return request.search.folds if request.search else CANDIDATE_FOLDS


def _searched(
    prepared: Prepared, split: Split, request: Request, clock: StageClock, known: KnownTrials
) -> tuple[Candidate, dict[str, Any]]:
    metric, trials = conditions(prepared, split, request)
    results: list[tuple[Candidate, Result]] = []
    for number in range(len(request.designs)):
        results += _of_design(number, request, trials, known, clock)
    best = within_one_error([r for _, r in results], [d for d, _ in results])
    if best is None:
        raise known.failure(0, 0) or trials.failure()
    return best, {"objective": metric, "folds": _folds(request), "trials": [_told(d, r) for d, r in results]}


def _of_design(
    number: int, request: Request, trials: Trials, known: KnownTrials, clock: StageClock
) -> list[tuple[Candidate, Result]]:
    """All trials of one design: itself alone, or its search, round by round."""
    base = request.designs[number]
    if request.search is None:
        return [(base, trials.run(base, Suggestion(number, {})))]
    done: list[Result] = []
    each = rounds(request.search)[-1].indexes.stop
    while suggestions := next_round(request.search, request.seed, done):
        for suggestion in suggestions:
            done.append(known.of(number, suggestion) or trials.run(base, suggestion))
            so_far, best = number * each + len(done), ranked(done)[0]
            clock.within(0.9 * so_far / (each * len(request.designs)), f"trial {so_far}, best {best.score}")
    return [(_with(base, result), result) for result in done]


def objective(prepared: Prepared, request: Request) -> str:
    """What designs are compared by: the search's objective, else the first metric asked for, else the task's usual."""
    if request.search and request.search.objective:
        return request.search.objective.metric
    usual = USUAL[prepared.signature.task][0]
    fitting = [m for m in request.evaluation.metrics if prepared.signature.task in METRICS[m].tasks]
    return fitting[0] if fitting else usual


def within_one_error(results: Sequence[Result], designs: Sequence[Candidate]) -> Candidate | None:
    """The least work among designs within one standard error of the best; None if all failed.

    The one-standard-error rule of L. Breiman et al., Classification and Regression Trees, 1984, §3.4.3. Trials on a
    part of the rows are not compared with those on all.
    """
    full = max((r.share for r in results if r.score is not None), default=1.0)
    usable = [(r, d) for r, d in zip(results, designs, strict=True) if r.score is not None and r.share == full]
    if not usable:
        return None
    best, _ = max(usable, key=lambda pair: (pair[0].score or 0.0, -pair[0].index))
    floor = (best.score or 0.0) - (best.se or 0.0)
    near = [(r, d) for r, d in usable if (r.score or 0.0) >= floor]
    return min(near, key=lambda pair: (effort(pair[1].estimator, pair[1].parameters), -(pair[0].score or 0.0)))[1]


def _with(base: Candidate, result: Result) -> Candidate:
    return Candidate(estimator=base.estimator, parameters={**base.parameters, **result.parameters})


def _told(design: Candidate, result: Result) -> dict[str, Any]:
    told = {**asdict(result), "parameters": dict(design.parameters), "estimator": design.estimator}
    return {key: value for key, value in told.items() if value not in (None, "")} | {"score": result.score}
