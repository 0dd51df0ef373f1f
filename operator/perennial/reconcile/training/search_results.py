"""What storage holds of a search, and how the status tells it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from perennial.api.metrics import METRICS
from perennial.api.records.trial import LostTrial, TrialId, TrialRecord
from perennial.api.training_status import TrialsStatus
from perennial.store.registry import Registry

REMEMBERED = 64
_read: dict[tuple[int, str, str], dict[TrialId, TrialRecord]] = {}
"""Results that this process has read, by registry, run and the search whose own they are. They never change."""


@dataclass(frozen=True)
class Stored:
    """The trials of a search that are over."""

    run_digest: str | None = None  # None: no pod has said yet which run the search makes
    results: Mapping[TrialId, TrialRecord] = field(default_factory=dict)
    lost: Mapping[TrialId, LostTrial] = field(default_factory=dict)

    @property
    def ended(self) -> frozenset[TrialId]:
        """Trials with a result, and those that were given up."""
        return frozenset({*self.results, *self.lost})

    @property
    def failed(self) -> int:
        """How many have no score."""
        scoreless = {trial for trial, record in self.results.items() if record.score is None}
        return len(scoreless | (self.lost.keys() - self.results.keys()))


def stored(models: Registry, search: str, *, reuse: bool = True) -> Stored:
    """Everything that is known of a search; without `reuse` only what its own pods have found. Blocking.

    Raises:
        StorageError: storage did not answer.
    """
    digest = models.trials.claimed(search)
    if digest is None:
        return Stored()
    trials = models.trials if reuse else models.trials.apart(search)
    known = trials.known(digest)
    results = _remembered((id(models), digest, "" if reuse else search))
    for record in trials.read_all(digest, known - results.keys()):
        results[record.id] = record
    return Stored(digest, {trial: results[trial] for trial in known}, models.trials.lost(digest, search))


def _remembered(key: tuple[int, str, str]) -> dict[TrialId, TrialRecord]:
    if key not in _read:
        while len(_read) >= REMEMBERED:
            del _read[next(iter(_read))]
        _read[key] = {}
    return _read[key]


def standing(have: Stored, *, total: int, number: int, rounds: int, started: str | None) -> TrialsStatus:
    """The search in figures; the best is taken among trials on the largest share of the rows. Pure."""
    scored = [record for record in have.results.values() if record.score is not None]
    share = max((record.share for record in scored), default=0.0)
    best = max((record for record in scored if record.share == share), key=_score, default=None)
    return TrialsStatus(
        total=total,
        done=len(have.ended),
        failed=have.failed,
        round=number,
        rounds=rounds,
        metric=best.metric if best else None,
        best=_value(best) if best else None,
        start_time=started,
    )


def _score(record: TrialRecord) -> tuple[float, int]:
    return record.score or 0.0, -record.index


def _value(record: TrialRecord) -> float:
    """As the metric is read, where a loss is better when smaller."""
    oriented = record.score or 0.0
    return oriented if METRICS[record.metric].maximize else -oriented


def thinned(old: TrialsStatus | None, new: TrialsStatus) -> TrialsStatus:
    """The old figures where the new ones differ by less than a hundredth of a round: not every trial is a write."""
    if old is None or (old.round, old.total, old.start_time) != (new.round, new.total, new.start_time):
        return new
    return old if 0 <= new.done - old.done < new.total // 100 else new


def sentence(trials: TrialsStatus) -> str:
    """The search in words."""
    failed = f", {trials.failed} of them without a score" if trials.failed else ""
    best = f"; best {trials.metric} {trials.best:.6g}" if trials.best is not None else ""
    return f"round {trials.round} of {trials.rounds}: {trials.done} of {trials.total} trials have ended{failed}{best}"
