"""Trials that other pods have run, in the place of running them here. Which design wins is `refine.py`'s to say."""

from dataclasses import dataclass, field

from perennial.api.records.task import ExitCode
from perennial.api.records.trial import LostTrial, TrialId, TrialRecord
from perennial.runtime.training.claim import SEARCH
from perennial.runtime.training.context import Context
from perennial.runtime.training.failures import DataRefused, TrainingFailure, UserCodeFailed
from perennial.runtime.training.suggest import Result, Suggestion


@dataclass(frozen=True)
class KnownTrials:
    """What is known of a run's trials."""

    ended: dict[TrialId, TrialRecord] = field(default_factory=dict)
    lost: dict[TrialId, LostTrial] = field(default_factory=dict)

    def of(self, design: int, suggestion: Suggestion) -> Result | None:
        """The result of a trial, as running it here would give it; None if it has to be run."""
        trial = (design, suggestion.index)
        record, lost = self.ended.get(trial), self.lost.get(trial)
        if record is not None:
            score, error, failure = record.score, record.se, record.failure
        elif lost is not None:
            score, error, failure = None, None, lost.message
        else:
            return None
        return Result(suggestion.index, suggestion.parameters, score, error, suggestion.share, failure)

    def failure(self, design: int, index: int) -> TrainingFailure | None:
        """Why a trial has no score; None if nothing is known of it."""
        record, lost = self.ended.get((design, index)), self.lost.get((design, index))
        if record is not None:
            kind = DataRefused if record.exit_code == ExitCode.DATA_REFUSED else UserCodeFailed
            return kind(record.failure, reason=record.reason or None)
        return UserCodeFailed(lost.message, reason=lost.reason or None) if lost is not None else None


def known_trials(context: Context, run_digest: str) -> KnownTrials:
    """Everything that storage holds of a run's trials; with `reuse: false` only this search's own.

    Raises:
        StorageError: storage did not answer.
    """
    search = context.task.parameters.get(SEARCH)
    if context.request.search is None or (search is None and not context.request.reuse):
        return KnownTrials()
    ended = context.trials.read_all(run_digest, context.trials.known(run_digest))
    return KnownTrials({r.id: r for r in ended}, context.trials.lost(run_digest, search) if search else {})
