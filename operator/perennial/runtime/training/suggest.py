"""Which designs a search tries: a pure function of the seed and the complete, sorted results of earlier rounds.

It does not matter who runs a trial or when it ends, so rounds can be spread over pods. Nothing is fitted here.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from perennial.api.algorithm import Search, SearchRange

GRID_STEPS = 5
"""Values of a range in a grid."""
HALVING = 3
"""A rung of successive halving keeps a third on three times the rows (K. Jamieson, A. Talwalkar, AISTATS 2016)."""
LEAST_SHARE = 0.05
BAYESIAN_BATCH = 5


@dataclass(frozen=True)
class Suggestion:
    """One trial to run."""

    index: int
    parameters: dict[str, Any]
    share: float = 1.0  # of the training rows


@dataclass(frozen=True)
class Result:
    """One trial that has ended. `score` is oriented so that larger is better; None if it failed."""

    index: int
    parameters: Mapping[str, Any]
    score: float | None
    se: float | None = None
    share: float = 1.0
    failure: str = ""


def next_round(search: Search, seed: int, results: Sequence[Result]) -> list[Suggestion]:
    """The trials of the next round; empty when the search is over.

    Args:
        results: of all earlier rounds, complete, ascending by index.
    """
    if search.strategy == "halving":
        return _halving(search, seed, results)
    if search.strategy == "bayesian":
        return _bayesian(search, seed, results)
    if results:
        return []
    if search.strategy == "grid":
        return [Suggestion(i, p) for i, p in enumerate(grid(search.space)[: search.trials])]
    return [Suggestion(i, drawn(search.space, seed, i)) for i in range(search.trials)]


def grid(space: Mapping[str, SearchRange]) -> list[dict[str, Any]]:
    """All combinations, the last parameter (by name) changing fastest; ranges give five values each."""
    names = sorted(space)
    return [dict(zip(names, values, strict=True)) for values in itertools.product(*(_steps(space[n]) for n in names))]


def _steps(span: SearchRange) -> list[Any]:
    if span.values:
        return list(span.values)
    return list(dict.fromkeys(_at(span, step / (GRID_STEPS - 1)) for step in range(GRID_STEPS)))


def drawn(space: Mapping[str, SearchRange], seed: int, index: int) -> dict[str, Any]:
    """The parameters of one random trial: the same for a seed and index whatever the others are."""
    rng = np.random.default_rng([seed, index])
    return {name: _drawn(space[name], rng) for name in sorted(space)}


def _drawn(span: SearchRange, rng: np.random.Generator) -> Any:
    if span.values:
        return span.values[int(rng.integers(len(span.values)))]
    return _at(span, float(rng.random()))


def _at(span: SearchRange, share: float) -> Any:
    """The value at a share (0 to 1) of a range, linear or by powers."""
    low, high = bounds(span)
    value = low * (high / low) ** share if span.scale == "log" else low + (high - low) * share
    value = min(max(value, low), high)
    return round(value) if span.integer else value


def bounds(span: SearchRange) -> tuple[float, float]:
    """Both ends of a range; the API refuses ranges that have none."""
    return float(span.min or 0.0), float(span.max if span.max is not None else 1.0)


def _halving(search: Search, seed: int, results: Sequence[Result]) -> list[Suggestion]:
    rungs = max(1, math.floor(math.log(search.trials, HALVING)) + 1)
    shares = [max(LEAST_SHARE, HALVING ** (rung - rungs + 1)) for rung in range(rungs)]
    if not results:
        return [Suggestion(i, drawn(search.space, seed, i), shares[0]) for i in range(search.trials)]
    last = [r for r in results if r.share == results[-1].share]
    rung = shares.index(results[-1].share) + 1
    if rung == rungs:
        return []
    kept = ranked(last)[: max(1, math.ceil(len(last) / HALVING))]
    first = results[-1].index + 1
    return [Suggestion(first + i, dict(r.parameters), shares[rung]) for i, r in enumerate(sorted(kept, key=_index))]


def _bayesian(search: Search, seed: int, results: Sequence[Result]) -> list[Suggestion]:
    """Tree-structured Parzen estimator of Optuna, fed with the results in order; batches of five by constant liar."""
    count = min(BAYESIAN_BATCH, search.trials - len(results))
    if count <= 0:
        return []
    import optuna

    sampler = optuna.samplers.TPESampler(seed=(seed + len(results)) % 2**32, constant_liar=True, n_startup_trials=5)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    spans = {name: _distribution(search.space[name]) for name in sorted(search.space)}
    worst = min((r.score for r in results if r.score is not None), default=0.0)
    for result in results:
        score = worst if result.score is None else result.score
        study.add_trial(
            optuna.trial.create_trial(params=_stored(search, result.parameters), distributions=spans, value=score)
        )
    asked = [study.ask(spans).params for _ in range(count)]
    return [Suggestion(len(results) + i, _read(search, parameters)) for i, parameters in enumerate(asked)]


def _distribution(span: SearchRange) -> Any:
    import optuna.distributions as known

    if span.values:
        return known.CategoricalDistribution(list(range(len(span.values))))
    low, high = bounds(span)
    if span.integer:
        return known.IntDistribution(math.ceil(low), math.floor(high), log=span.scale == "log")
    return known.FloatDistribution(low, high, log=span.scale == "log")


def _stored(search: Search, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Values of a list are numbered for the sampler: it takes no lists or objects."""
    return {n: search.space[n].values.index(v) if search.space[n].values else v for n, v in sorted(parameters.items())}


def _read(search: Search, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {n: search.space[n].values[v] if search.space[n].values else v for n, v in sorted(parameters.items())}


def ranked(results: Sequence[Result]) -> list[Result]:
    """Best first; failed trials last; equal scores in order of their index."""
    return sorted(results, key=lambda r: (r.score is None, -(r.score or 0.0), r.index))


def _index(result: Result) -> int:
    return result.index
