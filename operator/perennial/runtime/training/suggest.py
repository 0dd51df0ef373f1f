"""Which designs a search tries: a pure function of the seed and the complete, sorted results of earlier rounds.

It does not matter who runs a trial or when it ends, so rounds can be spread over pods. Nothing is fitted here.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product
from typing import Any

import numpy as np

from perennial.api.algorithm import Search, SearchRange
from perennial.api.rounds import Round, rounds
from perennial.api.space import at, bounds, steps


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

    Raises:
        ValueError: the results are not those of whole rounds.
    """
    plan = rounds(search)
    if len(results) == plan[-1].indexes.stop:
        return []
    due = next((number for number, one in enumerate(plan) if one.first == len(results)), None)
    if due is None:
        raise ValueError(f"{len(results)} results end in the middle of a round; give those of whole rounds")
    if search.strategy == "halving" and due:
        return _promoted(plan[due], results[plan[due - 1].first :])
    if search.strategy == "bayesian":
        return _bayesian(search, seed, results, plan[due])
    if search.strategy == "grid":
        return [Suggestion(i, p) for i, p in enumerate(islice(grid(search.space), plan[due].trials))]
    return [Suggestion(i, drawn(search.space, seed, i), plan[due].share) for i in plan[due].indexes]


def grid(space: Mapping[str, SearchRange]) -> Iterator[dict[str, Any]]:
    """All combinations, the last parameter (by name) changing fastest; ranges give five values each."""
    names = sorted(space)
    return (dict(zip(names, values, strict=True)) for values in product(*(steps(space[n]) for n in names)))


def drawn(space: Mapping[str, SearchRange], seed: int, index: int) -> dict[str, Any]:
    """The parameters of one random trial: the same for a seed and index whatever the others are."""
    rng = np.random.default_rng([seed, index])
    return {name: _drawn(space[name], rng) for name in sorted(space)}


def _drawn(span: SearchRange, rng: np.random.Generator) -> Any:
    if span.values:
        return span.values[int(rng.integers(len(span.values)))]
    return at(span, float(rng.random()))


def _promoted(rung: Round, last: Sequence[Result]) -> list[Suggestion]:
    """The best of the rung before, on more rows."""
    kept = sorted(ranked(last)[: rung.trials], key=_index)
    return [Suggestion(index, dict(r.parameters), rung.share) for index, r in zip(rung.indexes, kept, strict=True)]


def _bayesian(search: Search, seed: int, results: Sequence[Result], batch: Round) -> list[Suggestion]:
    """Tree-structured Parzen estimator of Optuna, fed with the results in order; batches of five by constant liar."""
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
    asked = [study.ask(spans).params for _ in batch.indexes]
    return [Suggestion(i, _read(search, parameters)) for i, parameters in zip(batch.indexes, asked, strict=True)]


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
