"""What to do next about a ModelTraining. One pure function, read from top to bottom; the first match decides."""

from dataclasses import dataclass
from enum import StrEnum

from perennial.policy.training.facts import JobFacts


class Step(StrEnum):
    """The next action."""

    HANDS_OFF = "HandsOff"  # spec.managedBy names another controller
    REFUSE = "Refuse"  # the spec can never work; nothing is tried
    REST = "Rest"  # this result is concluded; nothing is owed
    WAIT_FOR_STORE = "WaitForStore"  # storage cannot be trusted or reached: nothing is claimed, nothing starts
    LOOK_UP = "LookUp"  # is there a run for this key in the registry?
    CONCLUDE = "Conclude"  # judge the run, claim a version, move aliases
    END_STALE = "EndStale"  # Jobs of an earlier key end first
    SUSPENDED = "Suspended"
    NO_ACCESS = "NoAccess"  # the namespace has no storage account for trainers
    CREATE = "Create"
    BARRED = "Barred"  # the kind that spec.workload asks for cannot be made here
    SEARCH = "Search"  # trials in Jobs of their own come before the Job of the run
    END_ROUNDS = "EndRounds"  # suspended in the middle of a search
    FOLLOW = "Follow"  # the Job runs, or waits to be admitted
    EXPIRE = "Expire"  # an object of another controller has worked for longer than it may
    FAIL = "Fail"  # the Job has failed for good
    VANISHED = "Vanished"  # the Job was seen and is gone, and left no run


@dataclass(frozen=True, slots=True)
class TrainingFacts:
    """Everything that the decision looks at."""

    managed_elsewhere: bool = False
    refused: bool = False
    concluded: bool = False  # the status tells the end of this very run key, retry and set of gates
    storage_problem: bool = False
    job: JobFacts | None = None  # the Job of this key and retry
    job_seen: bool = False  # the status tells that it existed
    stale: tuple[JobFacts, ...] = ()  # other Jobs of this object that are not over
    run_known: bool | None = None  # None: not looked up
    reuse: bool = True
    suspended: bool = False
    access: bool = True
    barred: bool = False
    expired: bool = False
    searches: bool = False  # the spec asks for trials in parallel
    rounds: tuple[JobFacts, ...] = ()  # Jobs of this search


def next_step(facts: TrainingFacts) -> Step:
    """The next action.

    A finished Job is always looked up in the registry before it counts as failed, and so is a new key before a Job
    is made: what exists is never trained twice.
    """
    if facts.managed_elsewhere:
        return Step.HANDS_OFF
    if facts.refused:
        return Step.END_STALE if facts.stale else Step.REFUSE
    if facts.concluded:
        return Step.REST
    if facts.stale:
        return Step.END_STALE
    if facts.job is not None and not facts.job.done:
        return Step.EXPIRE if facts.expired else Step.FOLLOW
    if facts.storage_problem:
        return Step.WAIT_FOR_STORE
    return _without_a_live_job(facts)


def _without_a_live_job(facts: TrainingFacts) -> Step:
    never_ran = facts.job is None and not facts.job_seen
    if facts.run_known is None and (facts.reuse or not never_ran):
        return Step.LOOK_UP
    if facts.run_known:
        return Step.CONCLUDE
    if facts.job is not None:
        return Step.FAIL
    if facts.job_seen:
        return Step.VANISHED
    if facts.suspended:
        return Step.END_ROUNDS if any(not job.done for job in facts.rounds) else Step.SUSPENDED
    if facts.barred:
        return Step.BARRED
    if not facts.access:
        return Step.NO_ACCESS
    return Step.SEARCH if facts.searches else Step.CREATE
