"""What the cache knows of a RetrainPolicy: its training, its deployment, its children and their ends. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from perennial.api import ModelDeployment, ModelTraining, RetrainPolicy
from perennial.api.conditions import condition
from perennial.api.fields import parse_time
from perennial.api.retrain_status import RunEntry
from perennial.observe.cache import Cache
from perennial.policy.retrain.snapshot import Outcome, PastRun, TriggerKind

DIGEST_MISMATCH = "DigestMismatch"
"""Why a child failed whose pinned data is not what it found."""
RESET_AT = "perennial.dev/reset-at"
"""Key in `status.acted`: when refusals stopped to count."""
RESET = "perennial.dev/reset"
SPEC = "spec.generation"


@dataclass(frozen=True)
class Observed:
    """One look at a RetrainPolicy and what it refers to."""

    body: dict[str, Any]
    policy: RetrainPolicy
    training_body: Mapping[str, Any] | None
    training: ModelTraining | None
    deployment: ModelDeployment | None
    children: Mapping[str, ModelTraining]
    older: str | None

    @property
    def namespace(self) -> str:
        """Namespace of the object."""
        return self.policy.metadata.namespace

    @property
    def model(self) -> str:
        """Registry name of the model."""
        return self.training.model if self.training else ""

    @property
    def unreached(self) -> str:
        """Why no retrained version would come to serve where drift and performance are watched; empty if one would."""
        triggers = self.policy.spec.triggers
        if self.deployment is None or self.training is None or not (triggers.drift or triggers.performance):
            return ""
        told = f"spec.deploymentRef: ModelDeployment {self.deployment.metadata.name} serves"
        served = self.deployment.spec.model.name
        if served is None:
            told = f"{told} a run by its address (its spec.model.uri), which no retrained version replaces"
            return f"{told}; give it spec.model.name: {self.model} instead"
        if served != self.model:
            told = f"{told} model {served}, and ModelTraining {self.training.metadata.name} makes model {self.model}"
            return f"{told}; name a deployment of that model"
        return ""

    def newest_run(self) -> ModelTraining | None:
        """Whichever of the training and its retrainings has the newest finished run."""
        trainings = [*self.children.values(), *([self.training] if self.training else [])]
        done = [t for t in trainings if t.status.run and t.status.run.digest and t.status.completion_time]
        return max(done, key=lambda t: parse_time(t.status.completion_time or ""), default=None)


def observe(body: dict[str, Any], cache: Cache) -> Observed:
    """The object with what it refers to.

    Raises:
        pydantic.ValidationError: a spec does not fit the models.
    """
    policy = RetrainPolicy.model_validate(_known(body))
    namespace, spec = policy.metadata.namespace, policy.spec
    training = cache.get("ModelTraining", namespace, spec.training_ref.name)
    ref = spec.deployment_ref
    deployment = cache.get("ModelDeployment", namespace, ref.name) if ref else None
    children = [ModelTraining.model_validate(_known(c)) for c in cache.owned(policy.metadata.uid, "ModelTraining")]
    return Observed(
        body=body,
        policy=policy,
        training_body=training,
        training=ModelTraining.model_validate(_known(training)) if training else None,
        deployment=ModelDeployment.model_validate(_known(deployment)) if deployment else None,
        children={c.metadata.name: c for c in children},
        older=_older(policy, cache),
    )


def _older(policy: RetrainPolicy, cache: Cache) -> str | None:
    mine = (policy.metadata.creation_timestamp or "", policy.metadata.name)
    for other in cache.of_kind("RetrainPolicy", policy.metadata.namespace):
        same = (other["spec"].get("trainingRef") or {}).get("name") == policy.spec.training_ref.name
        theirs = (other["metadata"].get("creationTimestamp") or "", other["metadata"]["name"])
        if same and theirs < mine and "deletionTimestamp" not in other["metadata"]:
            return str(other["metadata"]["name"])
    return None


def current_runs(seen: Observed) -> list[RunEntry]:
    """`status.runs`, brought up to date with the children's own statuses."""
    return [_current(entry, seen) for entry in seen.policy.status.runs]


def _current(entry: RunEntry, seen: Observed) -> RunEntry:
    child = seen.children.get(entry.training)
    if child is None:
        vanished = entry.outcome == "Running" and entry.uid is not None
        return entry.replace(outcome="Failed", reason=f"{entry.reason}; deleted while it ran") if vanished else entry
    status = child.status
    return entry.replace(
        uid=child.metadata.uid,
        outcome=_outcome(entry, child, seen.deployment),
        version=status.version.number if status.version else entry.version,
        gain=_gain(child),
        cost_cpu_seconds=status.cost.cpu_seconds if status.cost else entry.cost_cpu_seconds,
    )


def _outcome(entry: RunEntry, child: ModelTraining, deployment: ModelDeployment | None) -> Outcome:
    succeeded, version = condition(child.status.conditions, "Succeeded"), child.status.version
    if succeeded is None or succeeded.status == "Unknown":
        return "Running"
    if version is None or succeeded.status == "False":
        mismatch = child.status.failure is not None and child.status.failure.reason == DIGEST_MISMATCH
        return "Overtaken" if mismatch and entry.repeats is None else "Failed"
    if version.state == "Approved":
        promoted = deployment is not None and any(
            h.result == "Promoted" and h.version == version.number for h in deployment.status.history
        )
        return "Promoted" if promoted or entry.outcome == "Promoted" else "Approved"
    if version.state == "Refused":
        return "Refused"
    return "NotEnoughEvidence" if version.reason == "NotEnoughEvidence" else "Pending"


def _gain(child: ModelTraining) -> float | None:
    """Challenger minus champion of the first gate that compared them."""
    compared = (g for g in child.status.gates if g.champion is not None and g.observed is not None)
    found = next(compared, None)
    return None if found is None else round((found.observed or 0.0) - (found.champion or 0.0), 6)


def past_runs(entries: list[RunEntry], seen: Observed) -> tuple[PastRun, ...]:
    """The runs as the decision sees them."""
    return tuple(_past(entry, seen.children.get(entry.training)) for entry in entries)


def _past(entry: RunEntry, child: ModelTraining | None) -> PastRun:
    status = child.status if child else None
    finished = status.completion_time if status and entry.outcome != "Running" else None
    return PastRun(
        training=entry.training,
        trigger=cast(TriggerKind, entry.trigger),
        started_at=parse_time(entry.started_at),
        finished_at=parse_time(finished) if finished else None,
        outcome=entry.outcome,
        cpu_seconds=entry.cost_cpu_seconds,
        wall_seconds=status.cost.wall_seconds if status and status.cost else None,
    )


def reset_at(seen: Observed, now: datetime) -> tuple[datetime | None, dict[str, str]]:
    """When refusals stopped to count: a spec change or the annotation; and what to record of it."""
    acted, metadata = seen.policy.status.acted, seen.policy.metadata
    marks = {SPEC: str(metadata.generation), RESET: metadata.annotations.get(RESET, "")[:128]}
    known = acted.get(RESET_AT)
    if acted and all(acted.get(k, "") == v for k, v in marks.items()):
        return (parse_time(known) if known else None), {}
    moment = now.replace(microsecond=0)
    return moment, {**{k: v for k, v in marks.items() if v}, RESET_AT: moment.isoformat().replace("+00:00", "Z")}


def _known(body: Mapping[str, Any]) -> dict[str, Any]:
    return {k: body[k] for k in ("apiVersion", "kind", "metadata", "spec", "status") if k in body}
