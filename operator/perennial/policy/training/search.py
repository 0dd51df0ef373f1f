"""Which Job of a search comes next: one for each round, then the one that trains with what won. Pure.

The state is what storage holds; Jobs only bring it forward. So a round whose trials have all ended is never run again,
whatever became of its Job, and a Job that was seen and is gone does not come back.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from perennial.api.records.trial import TrialId
from perennial.api.rounds import Round
from perennial.policy.training.facts import JobFacts

ALL_TRIALS_ENDED = "FailedIndexes"
"""Reason of an Indexed Job that has run all its indexes, and some of them failed (batch/v1)."""
TOO_MANY_FAILED = "MaxFailedIndexesExceeded"


class SearchStep(StrEnum):
    """The next action."""

    FOLLOW = "Follow"  # the Job of the round runs, waits to be admitted, or is being deleted
    CREATE_ROUND = "CreateRound"
    GIVE_UP_LOST = "GiveUpLost"  # the Job has ended; trials without a result are lost, and score worst
    TRAIN = "Train"  # all rounds are over
    FAIL = "Fail"  # the Job of the round has failed as a whole
    VANISHED = "Vanished"  # the Job of the round was seen and is gone, and trials have no result
    OVERDUE = "Overdue"  # the deadline has passed, and another Job would be needed


@dataclass(frozen=True, slots=True)
class Due:
    """The first round that is not over."""

    number: int
    round: Round
    missing: tuple[TrialId, ...]  # trials that have neither a result nor been given up


@dataclass(frozen=True, slots=True)
class SearchFacts:
    """Everything that the decision looks at."""

    due: Due | None  # None: all rounds are over
    job: JobFacts | None = None  # of the round that is due
    seen: bool = False  # the status tells that it existed
    overdue: bool = False


def due_round(plan: Sequence[Round], designs: int, ended: Collection[TrialId]) -> Due | None:
    """The first round of a search that is not over.

    Args:
        plan: the rounds of each design.
        designs: how many there are.
        ended: trials with a result, and those that were given up.
    """
    for number, one in enumerate(plan):
        missing = tuple(trial for trial in trials_of(one, designs) if trial not in ended)
        if missing:
            return Due(number, one, missing)
    return None


def trials_of(one: Round, designs: int) -> list[TrialId]:
    """The trials of a round in the order of the Job's indexes: design after design."""
    return [(design, index) for design in range(designs) for index in one.indexes]


def next_of_search(facts: SearchFacts) -> SearchStep:
    """The next action."""
    if facts.due is None:
        return SearchStep.OVERDUE if facts.overdue else SearchStep.TRAIN
    if facts.job is not None:
        return _with_a_job(facts.job)
    if facts.seen:
        return SearchStep.VANISHED
    return SearchStep.OVERDUE if facts.overdue else SearchStep.CREATE_ROUND


def _with_a_job(job: JobFacts) -> SearchStep:
    if job.deleting or not job.done:
        return SearchStep.FOLLOW
    ended = job.failed and job.failed_reason == ALL_TRIALS_ENDED
    return SearchStep.GIVE_UP_LOST if ended else SearchStep.FAIL


def time_left(deadline: int | None, started: datetime | None, now: datetime) -> int | None:
    """Seconds that are left of `activeDeadlineSeconds` for all Jobs of a search; None without a deadline.

    Args:
        deadline: seconds for the whole search.
        started: when its first Job began to run.
    """
    if deadline is None or started is None:
        return deadline
    return deadline - (now - started) // timedelta(seconds=1)
