"""Where a rollout stands: the part of a ModelDeployment's status that decisions and manifests follow from."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal, Self

MAX_HISTORY = 20
MAX_REJECTED = 20
FIRST_RETRY = timedelta(hours=1)
LAST_RETRY = timedelta(hours=24)

Result = Literal["Promoted", "RolledBack", "Inconclusive", "Superseded"]


class Stage(StrEnum):
    """What a candidate is doing."""

    PREPARING = "Preparing"  # its pods start; no traffic
    STEPPING = "Stepping"  # step i: its share of traffic, watched
    AWAITING = "AwaitingApproval"  # the last step passed; a person promotes
    PROMOTING = "Promoting"  # growing to stable's full size
    SWITCHING = "Switching"  # stable sends it everything; then the Service's selector moves


@dataclass(frozen=True, slots=True)
class Revision:
    """One serving revision: what it serves and by which server image."""

    key: str  # revisionKey
    artifact: str
    image: str
    version: int | None = None
    run: str = ""
    data: str = ""
    since: datetime | None = None

    @property
    def number(self) -> int:
        """How people name it in annotations: the number of its version, 0 for a run without one."""
        return self.version or 0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A revision on its way in."""

    revision: Revision
    stage: Stage
    since: datetime  # of the stage, for Stepping of the step
    started: datetime
    step: int = 0
    direct: bool = False  # an earlier stable, or nothing to compare with: no steps
    apart: bool = False  # another signature, accepted by a person: no request made for stable is ever sent to it
    promoted: str = ""  # the person who asked for its promotion, and why: no steps any more, as soon as it may


@dataclass(frozen=True, slots=True)
class Previous:
    """The revision that the stable one replaced, kept for a way back."""

    revision: Revision
    since: datetime  # when it was replaced
    baking: bool  # at full size; rollback is instant
    apart: bool = False  # of another signature: what still comes here is answered here


@dataclass(frozen=True, slots=True)
class Rejection:
    """An artifact that is never tried again by itself."""

    artifact: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Event:
    """How one rollout ended."""

    version: int | None
    artifact: str
    result: Result
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class RolloutState:
    """Everything the operator must remember of a ModelDeployment."""

    stable: Revision | None = None
    candidate: Candidate | None = None
    previous: Previous | None = None
    rejected: tuple[Rejection, ...] = ()
    history: tuple[Event, ...] = ()

    def is_rejected(self, artifact: str) -> Rejection | None:
        """The rejection of an artifact, if there is one."""
        return next((r for r in self.rejected if r.artifact == artifact), None)

    def was_stable(self, artifact: str) -> bool:
        """Whether an artifact has been promoted before: going back to it needs no canary."""
        return any(e.artifact == artifact and e.result == "Promoted" for e in self.history)

    def retry_at(self, artifact: str) -> datetime | None:
        """When a version without evidence may be tried again: after 1 h, doubling to 24 h."""
        tries = [e for e in self.history if e.artifact == artifact and e.result == "Inconclusive"]
        if not tries:
            return None
        wait: timedelta = min(FIRST_RETRY * 2 ** min(len(tries) - 1, 10), LAST_RETRY)
        return tries[-1].at + wait

    def recorded(self, revision: Revision, result: Result, reason: str, now: datetime) -> Self:
        """This state with one more line of history."""
        event = Event(revision.version, revision.artifact, result, reason, now)
        return replace(self, history=(*self.history, event)[-MAX_HISTORY:])

    def rejecting(self, artifact: str, reason: str, now: datetime) -> Self:
        """This state with an artifact remembered as rejected."""
        kept = tuple(r for r in self.rejected if r.artifact != artifact)
        return replace(self, rejected=(*kept, Rejection(artifact, reason, now))[-MAX_REJECTED:])
