"""Stage 6, design and refine: which design, parameters and threshold are kept, by training rows alone."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sklearn.pipeline import Pipeline

from perennial.api.algorithm import Candidate
from perennial.api.metrics import METRICS, USUAL
from perennial.runtime.training.answers import DEFAULT_THRESHOLD
from perennial.runtime.training.decide import chosen_threshold
from perennial.runtime.training.effort import effort
from perennial.runtime.training.fitting import fit
from perennial.runtime.training.folds import folds
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


def refine(prepared: Prepared, split: Split, request: Request, clock: StageClock) -> Chosen:
    """Choose a design by cross-validation if there is a choice, fit it to the training part, and set its threshold.

    Raises:
        UserCodeFailed: the estimator raised; with several designs only if all of them did.
        DataRefused: too few rows for the folds.
    """
    design = request.designs[0]
    tried: dict[str, Any] = {}
    if len(request.designs) > 1 or request.search:
        design, tried = _searched(prepared, split, request, clock)
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


def _searched(
    prepared: Prepared, split: Split, request: Request, clock: StageClock
) -> tuple[Candidate, dict[str, Any]]:
    metric = objective(prepared, request)
    count = request.search.folds if request.search else CANDIDATE_FOLDS
    classes = prepared.signature.classes is not None
    parts = folds(split, prepared.y, count=count, seed=request.seed, classes=classes)
    trials = Trials(prepared, request, parts, metric)
    results: list[tuple[Candidate, Result]] = []
    for base in request.designs:
        results += _of_design(base, request, trials, clock, offset=len(results))
    best = within_one_error([r for _, r in results], [d for d, _ in results])
    if best is None:
        raise trials.failure()
    return best, {"objective": metric, "folds": count, "trials": [_told(d, r) for d, r in results]}


def _of_design(
    base: Candidate, request: Request, trials: Trials, clock: StageClock, *, offset: int
) -> list[tuple[Candidate, Result]]:
    """All trials of one design: itself alone, or its search, round by round."""
    if request.search is None:
        return [(base, trials.run(base, Suggestion(offset, {})))]
    done: list[Result] = []
    total = request.search.trials * len(request.designs)
    while suggestions := next_round(request.search, request.seed, done):
        for suggestion in suggestions:
            done.append(trials.run(base, suggestion))
            best = ranked(done)[0]
            clock.within(0.9 * (offset + len(done)) / max(total, 1), f"trial {offset + len(done)}, best {best.score}")
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
