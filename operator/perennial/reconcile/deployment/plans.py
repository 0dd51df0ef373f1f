"""The plan that a revision's pods follow: whom to send how much, and what of it is counted how. Pure."""

import json
from dataclasses import dataclass
from typing import Any

import pydantic

from perennial.api.identities import bare
from perennial.api.records.server import RolloutPlan
from perennial.desired import names, serving_revision
from perennial.policy.rollout import Revision, RolloutState, Stage
from perennial.policy.rollout.shape import Running
from perennial.reconcile.deployment.kept import kept_config
from perennial.reconcile.deployment.observed import Observed


@dataclass(frozen=True, slots=True)
class Counting:
    """What a look decided about the counting of one rollout."""

    rollout: str = ""
    mirror: float = 0.0  # percent of its own requests that stable copies to the candidate
    edges: tuple[float, ...] = ()  # bins of predictions that are no probabilities


NOTHING = Counting()


def rollout_plan(seen: Observed, state: RolloutState, one: Running, counting: Counting) -> dict[str, Any]:
    """The plan of one revision's pods.

    Args:
        counting: decided before this look's move; a new step begins without mirroring.
    """
    rollout = rollout_id(state)
    plan = RolloutPlan(
        role="Candidate" if one.role == "candidate" else "Stable",
        rollout=rollout,
        prediction_edges=list(counting.edges),
        sticky_header=seen.deployment.spec.rollout.sticky_header or "",
        sticky_key=rollout.rpartition("-")[0],
    )
    if one.towards is not None and one.towards.key != one.revision.key:
        name = names.serving_revision(seen.deployment.metadata.name, one.towards.key)
        host = f"{name}.{seen.namespace}.svc"
        plan = plan.model_copy(
            update={
                "candidate_version": version_name(one.towards),
                "candidate_url": f"http://{host}:80",
                "candidate_grpc": f"{host}:{serving_revision.GRPC_PORT}",
                "weight": float(one.weight),
                "mirror": mirrored(one.copied, counting, rollout) if one.role == "stable" else 0.0,
                "shadow": one.copied > 0,
                "candidate_timeout_seconds": _timeout(seen, one.towards),
            }
        )
    dumped: dict[str, Any] = json.loads(plan.to_json())
    return dumped


def _timeout(seen: Observed, revision: Revision) -> float:
    """The longest time that a revision may take for a request: its own limit, which stays as long as it does."""
    made_with = kept_config(seen, revision.key)
    return made_with.settings.timeout_seconds if made_with else float(seen.deployment.spec.server.timeout_seconds)


def mirrored(copied: int, counting: Counting, rollout: str) -> float:
    """Percent of its own requests that stable copies: the step's share, or more while evidence is short."""
    return max(float(copied), counting.mirror if counting.rollout == rollout else 0.0)


def version_name(revision: Revision) -> str:
    """How a revision's version is called in URLs and headers: its number, or its run where it has none."""
    return str(revision.version) if revision.version is not None else f"run-{bare(revision.run)[:8]}"


def plan_in_force(seen: Observed, revision_key: str) -> RolloutPlan:
    """The plan that a revision's pods have now; an empty one when there is none that can be read."""
    live = seen.children.get(("ConfigMap", names.rollout_plan(seen.deployment.metadata.name, revision_key)))
    text = ((live or {}).get("data") or {}).get(serving_revision.PLAN_FILE, "")
    try:
        return RolloutPlan.from_json(text)
    except pydantic.ValidationError:
        return RolloutPlan()


def rollout_id(state: RolloutState) -> str:
    """Identity of what is being counted: new for each step, so that each step is judged on its own evidence.

    Nothing is counted while a candidate starts: both arms begin together.
    """
    candidate, previous = state.candidate, state.previous
    if candidate is not None and candidate.stage is not Stage.PREPARING:
        return f"{candidate.revision.key[:8]}-{int(candidate.started.timestamp())}-{candidate.step}"
    if candidate is None and previous is not None and previous.baking and state.stable is not None:
        return f"{state.stable.key[:8]}-{int(previous.since.timestamp())}-bake"
    return ""
