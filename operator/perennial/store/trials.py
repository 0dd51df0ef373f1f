"""Results of the trials of a search, which pods leave for each other: written once, found by listing.

A search is known by an identity of its own before anything is read; the first pod that has listed the data says which
run it makes, and all others take what that one listed.
"""

from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from perennial.api.records.run import RunPointer
from perennial.api.records.trial import LostTrial, LostTrials, TrialId, TrialRecord
from perennial.store import files
from perennial.store.layout import ModelKeys
from perennial.store.objects import ObjectStore

READS = 8


class TrialResults:
    """The trials of one model's runs."""

    def __init__(self, store: ObjectStore, keys: ModelKeys, own: str = "") -> None:
        """
        Args:
            store: of the registry.
            keys: of the model.
            own: identity of the one search whose results these are; empty: any search of a run takes them.
        """
        self._store = store
        self._keys = keys
        self._own = own

    def apart(self, search: str) -> "TrialResults":
        """Results that one search neither takes from others nor leaves to them: `reuse: false`."""
        return TrialResults(self._store, self._keys, search)

    def claimed(self, search: str) -> str | None:
        """The run digest that a search makes; None until its first pod has said it. Raises Corrupt."""
        found = files.read(self._store, self._keys.search_pointer(search), RunPointer)
        return found.record.run_digest if found else None

    def claim(self, search: str, run_digest: str) -> str:
        """Say which run a search makes, unless another pod has. Returns what holds."""
        files.create(self._store, self._keys.search_pointer(search), RunPointer(run_digest=run_digest).to_json())
        return self.claimed(search) or self.claim(search, run_digest)

    def known(self, run_digest: str) -> frozenset[TrialId]:
        """Which trials have ended."""
        listed = self._store.list(self._keys.trials(run_digest, self._own))
        found = (self._keys.trial_of(run_digest, info.key, self._own) for info in listed)
        return frozenset(trial for trial in found if trial is not None)

    def read(self, run_digest: str, trial: TrialId) -> TrialRecord | None:
        """One result; None if there is none. Raises Corrupt."""
        found = files.read(self._store, self._keys.trial(run_digest, *trial, self._own), TrialRecord)
        return found.record if found else None

    def read_all(self, run_digest: str, trials: Collection[TrialId]) -> list[TrialRecord]:
        """Those results that are there, by trial."""
        with ThreadPoolExecutor(READS) as pool:
            found = list(pool.map(lambda trial: self.read(run_digest, trial), sorted(trials)))
        return [record for record in found if record is not None]

    def write(self, run_digest: str, record: TrialRecord) -> bool:
        """Keep a result; the first one stays. False if there was one."""
        return files.create(self._store, self._keys.trial(run_digest, *record.id, self._own), record.to_json())

    def lost(self, run_digest: str, search: str) -> dict[TrialId, LostTrial]:
        """What a search has given up. Raises Corrupt."""
        return {(lost.design, lost.index): lost for lost in self._lost(run_digest, search)}

    def _lost(self, run_digest: str, search: str) -> Iterator[LostTrial]:
        for info in self._store.list(self._keys.lost_trials(run_digest, search)):
            if found := files.read(self._store, info.key, LostTrials):
                yield from found.record.trials

    def lose(self, run_digest: str, search: str, number: int, trials: Iterable[LostTrial]) -> None:
        """Give up what is left of a round; once said, it stays."""
        body = LostTrials(trials=list(trials)).to_json()
        files.create(self._store, self._keys.lost_trials(run_digest, search, number), body)
