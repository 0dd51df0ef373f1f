"""The status of a ModelDeployment: who serves, who is tried, what was rejected and why."""

from typing import Annotated, Literal

from pydantic import Field

from perennial.api.conditions import Conditions
from perennial.api.fields import Line, Text, Word, list_map, newest
from perennial.api.part import StatusModel


class RevisionStatus(StatusModel):
    """A revision and where it comes from."""

    version: int | None = None
    """Its version; none for a model from elsewhere."""
    revision: Word
    """revisionKey."""
    artifact: Word | None = None
    """Artifact digest."""
    run_digest: Word | None = None
    """The run that made it."""
    data_digest: Word | None = None
    """The data that made it."""
    server_image: Line | None = None
    """Server image, as resolved for this revision."""


class AnalysisStatus(StatusModel):
    """One comparison of stable and candidate."""

    metric: Word
    """What is compared."""
    stable: float | None = None
    """Stable's value."""
    candidate: float | None = None
    """The candidate's value."""
    samples: int | None = None
    """Requests of the candidate that were counted."""
    needed: int | None = None
    """Requests that the step needs."""
    result: Literal["Passed", "Failed", "Waiting", "NotEnoughEvidence", "NotJudged"]
    """The verdict."""
    excludes: Line = ""
    """Which harm the evidence excludes."""
    message: Text = ""
    """The verdict in a sentence."""


class StableStatus(RevisionStatus):
    """The revision that serves."""

    replicas: int | None = None
    """Its replicas."""
    since: Word | None = None
    """Since when it is stable."""
    analysis: Annotated[list[AnalysisStatus], Field(max_length=20, json_schema_extra=list_map("metric"))] = []
    """While it bakes: what it does now beside what the previous revision did in the last step."""


class CandidateStatus(RevisionStatus):
    """The revision that is tried."""

    stage: Word | None = None
    """What it is doing: Preparing, Stepping, AwaitingApproval, Promoting, Switching."""
    started: Word | None = None
    """When it was first made."""
    direct: bool | None = None
    """Whether it goes without steps: an earlier stable revision, or nothing to compare with."""
    apart: bool | None = None
    """Whether its signature breaks clients and a person accepted that: it answers under its own version's paths, at
    full size, until a person promotes it."""
    promoted_by: Line | None = None
    """Who asked for its promotion by perennial.dev/promote, and why: it skips what is left of its steps and takes over
    as soon as it is ready, at full size, and of an accepted signature."""
    step: int | None = None
    """Index of the step, from 0; the number of steps while baking."""
    weight: Annotated[int, Field(ge=0, le=100)] = 0
    """Percent of the requests it answers."""
    mirror: Annotated[int, Field(ge=0, le=100)] | None = None
    """Percent of the other requests that it gets copies of; these answers are compared and thrown away."""
    since: Word | None = None
    """Since when it is at this step."""
    analysis: Annotated[list[AnalysisStatus], Field(max_length=20, json_schema_extra=list_map("metric"))] = []
    """Comparisons with stable."""
    message: Text = ""
    """What it is waiting for."""


class PreviousStatus(RevisionStatus):
    """The revision that served before and is kept ready."""

    since: Word | None = None
    """When it was replaced."""
    baking: bool | None = None
    """Whether it is kept at full size, so that the way back is instant."""
    apart: bool | None = None
    """Whether it has another signature than its successor: what still comes to it is answered by it."""
    baseline: Annotated[dict[Annotated[str, Field(max_length=64)], float], Field(max_length=20)] = {}
    """Metric → its value in the last step, which the revision that replaced it is held against."""
    until: Word | None = None
    """Until when it is kept."""


class Rejected(StatusModel):
    """A revision that was rolled back and is not tried again by itself."""

    artifact: Word
    """Artifact digest."""
    revision: Word | None = None
    """revisionKey."""
    reason: Line = ""
    """Why."""
    at: Word
    """When."""


class HistoryEntry(StatusModel):
    """How one rollout ended."""

    version: int | None = None
    """The version."""
    artifact: Word | None = None
    """Digest of the artifact."""
    revision: Word | None = None
    """revisionKey."""
    result: Literal["Promoted", "RolledBack", "Inconclusive", "Superseded"]
    """How it ended."""
    reason: Line = ""
    """Why."""
    at: Word
    """When."""


class Retry(StatusModel):
    """An inconclusive revision that is tried again."""

    revision: Word
    """revisionKey."""
    attempts: int = 0
    """How often it was tried."""
    at: Word
    """When it is tried again."""


class ModelDeploymentStatus(StatusModel):
    """Who serves, who is tried."""

    observed_generation: int | None = None
    """Generation of the spec that this status is about."""
    conditions: Conditions = []
    """`Ready`, `Available`, `Progressing`, `ModelLoaded`; `Routed` with a route; `Reconciling`, `Stalled` if true."""
    url: Text | None = None
    """Where requests go: the route's host once the gateway has accepted it, before that the Service."""
    replicas: int | None = None
    """Replicas of the stable revision, for autoscalers."""
    selector: Text | None = None
    """Selector of the stable revision's pods, for autoscalers."""
    stable: StableStatus | None = None
    """The revision that serves."""
    candidate: CandidateStatus | None = None
    """The revision that is tried."""
    previous: PreviousStatus | None = None
    """The revision that served before and is kept ready."""
    rejected: Annotated[
        list[Rejected], newest(20), Field(max_length=20, json_schema_extra={"x-kubernetes-list-type": "atomic"})
    ] = []
    """Rolled back, newest last; never tried again by itself."""
    history: Annotated[
        list[HistoryEntry], newest(20), Field(max_length=20, json_schema_extra={"x-kubernetes-list-type": "atomic"})
    ] = []
    """How rollouts ended, newest last."""
    retry: Retry | None = None
    """An inconclusive revision that is tried again."""
    acted: Annotated[dict[Annotated[str, Field(max_length=128)], Word], Field(max_length=16)] = {}
    """Annotation → value that was last acted on, so that each acts once."""
