"""What a rollout decision looks at besides the recorded state."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from perennial.policy.rollout.state import Revision


@dataclass(frozen=True, slots=True)
class Wanted:
    """The revision that spec and registry ask for now, or why there is none."""

    revision: Revision | None
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class RevisionHealth:
    """How the Deployment of a revision is doing."""

    replicas: int = 0
    ready: int = 0
    restarts: int = 0  # of its pods' containers, together
    unready_since: datetime | None = None  # no ready pod since
    problem: str = ""  # what keeps a pod from being ready, for people
    refused: str = ""  # why a server refused its model; the same bytes are never served


@dataclass(frozen=True, slots=True)
class StepVerdict:
    """What the analysis says of the step in force.

    `Short`: evidence is not complete. `Gross`: harm so plain that the step ends at once.
    """

    result: Literal["Short", "Passed", "Failed", "Gross"]
    reason: str = ""
    message: str = ""
    requests: int = 0  # candidate requests counted in this step


SHORT = StepVerdict("Short")


@dataclass(frozen=True, slots=True)
class Facts:
    """The cluster as the decision sees it."""

    wanted: Wanted
    size: int  # replicas that the stable revision should have
    health: dict[str, RevisionHealth] = field(default_factory=dict)  # by revisionKey
    verdict: StepVerdict = SHORT
    signature: str = ""  # why the candidate's signature breaks requests that stable accepts; empty: it does not
    signature_unread: str = ""  # why that cannot be told now
    signature_accepted: bool = False
    promote: str = ""  # who asked for the promotion of the wanted revision, which is no candidate yet
    rollback: str = ""  # a person's reason to roll back

    def of(self, key: str) -> RevisionHealth:
        """Health of a revision; nothing is known of one that has no Deployment."""
        return self.health.get(key, RevisionHealth())
