"""What the cache knows of a ModelDeployment: its children, and how each revision is doing. Pure but for the cache."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from perennial.api import ModelDeployment
from perennial.api.fields import parse_time
from perennial.api.records.server import REFUSED_EXIT_CODE
from perennial.desired import labels
from perennial.observe.cache import Cache
from perennial.policy.rollout import RevisionHealth, RolloutState
from perennial.reconcile.deployment.recorded import recorded_state

Body = Mapping[str, Any]
CHILD_KINDS = ("Deployment", "Service", "ConfigMap", "PodDisruptionBudget", "HorizontalPodAutoscaler")


@dataclass(frozen=True, slots=True)
class ServerPod:
    """A server pod, reduced to what explains and reaches it."""

    name: str
    uid: str
    revision: str  # short key
    ip: str
    ready: bool
    restarts: int
    problem: str
    refused: str  # why it refused its model
    touched: str  # plan that the kubelet was last told of


@dataclass(frozen=True)
class Observed:
    """One look at a ModelDeployment and its children."""

    body: dict[str, Any]
    deployment: ModelDeployment
    state: RolloutState
    children: Mapping[tuple[str, str], Body]  # (kind, name) → live object
    pods: tuple[ServerPod, ...]

    @property
    def namespace(self) -> str:
        """Namespace of the object."""
        return self.deployment.metadata.namespace

    def deployment_of(self, short: str) -> Body | None:
        """The Deployment of a revision."""
        found = (
            c
            for (kind, _), c in self.children.items()
            if kind == "Deployment" and c["metadata"].get("labels", {}).get(labels.REVISION) == short
        )
        return next(found, None)

    def pods_of(self, key: str) -> list[ServerPod]:
        """Pods of a revision."""
        return [p for p in self.pods if p.revision == key[:8]]

    def health(self, keys: Iterable[str]) -> dict[str, RevisionHealth]:
        """Health of some revisions, by key."""
        return {key: self._health(key) for key in keys}

    def _health(self, key: str) -> RevisionHealth:
        live = self.deployment_of(key[:8])
        if live is None:
            return RevisionHealth()
        status, pods = live.get("status") or {}, self.pods_of(key)
        behind = (status.get("observedGeneration") or 0) < (live["metadata"].get("generation") or 0)
        ready = 0 if behind else status.get("readyReplicas") or 0
        return RevisionHealth(
            replicas=status.get("replicas") or 0,
            ready=ready,
            restarts=sum(p.restarts for p in pods),
            unready_since=_unready_since(live) if ready == 0 else None,
            problem=next((p.problem for p in pods if p.problem), ""),
            refused=next((p.refused for p in pods if p.refused), ""),
        )


def observe(body: dict[str, Any], cache: Cache) -> Observed:
    """The object with its children.

    Raises:
        pydantic.ValidationError: the spec does not fit the models (an older CRD let it in).
    """
    known = {k: body[k] for k in ("apiVersion", "kind", "metadata", "spec", "status") if k in body}
    deployment = ModelDeployment.model_validate(known)
    uid = deployment.metadata.uid
    children = {(c["kind"], c["metadata"]["name"]): c for kind in CHILD_KINDS for c in cache.owned(uid, kind)}
    own = (p for p in cache.of_kind("Pod", deployment.metadata.namespace) if _is_ours(p, deployment.metadata.name))
    return Observed(body, deployment, recorded_state(deployment.status), children, tuple(_pod(p) for p in own))


def _is_ours(pod: Body, name: str) -> bool:
    held = pod["metadata"].get("labels", {})
    return bool(held.get(labels.KIND) == "ModelDeployment" and held.get("app.kubernetes.io/instance") == name)


def _pod(pod: Body) -> ServerPod:
    status, metadata = pod.get("status") or {}, pod["metadata"]
    container: Mapping[str, Any] = next(iter(status.get("containerStatuses") or ()), {})
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions") or ())
    return ServerPod(
        name=metadata["name"],
        uid=metadata["uid"],
        revision=metadata.get("labels", {}).get(labels.REVISION, ""),
        ip=status.get("podIP", ""),
        ready=ready and "deletionTimestamp" not in metadata,
        restarts=container.get("restartCount") or 0,
        problem=_problem(container, status),
        refused="" if ready else _refusal(container),
        touched=metadata.get("annotations", {}).get(labels.PLAN_TOUCH, ""),
    )


def _ended(container: Mapping[str, Any]) -> Mapping[str, Any]:
    """How a container ended last, `{}` when it has not."""
    for state in (container.get("state") or {}, container.get("lastState") or {}):
        if state.get("terminated"):
            ended: Mapping[str, Any] = state["terminated"]
            return ended
    return {}


def _refusal(container: Mapping[str, Any]) -> str:
    """Why a server refused its model, as it told in its termination message; empty when it did not."""
    ended = _ended(container)
    if ended.get("exitCode") != REFUSED_EXIT_CODE:
        return ""
    try:
        told = json.loads(ended.get("message") or "{}")
    except ValueError:  # the last lines of a log
        told = {}
    message = told.get("message") if isinstance(told, dict) else None
    return f"the server refused the model: {str(message or 'its log says why')[:400]}"


def _problem(container: Mapping[str, Any], status: Mapping[str, Any]) -> str:
    waiting = (container.get("state") or {}).get("waiting") or {}
    ended = _ended(container)
    if ended:
        said = (ended.get("message") or "").strip()[-400:]
        return f"a server pod ended with code {ended.get('exitCode')} ({ended.get('reason', '')}); {said}".rstrip("; ")
    if waiting and waiting.get("reason") not in ("ContainerCreating", "PodInitializing"):
        return f"a server pod waits: {waiting.get('reason')}; {waiting.get('message', '')}".rstrip("; ")
    unscheduled = (c for c in status.get("conditions") or () if c.get("reason") == "Unschedulable")
    return next((f"no node takes a server pod: {c.get('message', '')}" for c in unscheduled), "")


def _unready_since(live: Body) -> datetime | None:
    conditions = (live.get("status") or {}).get("conditions") or ()
    available = next((c for c in conditions if c["type"] == "Available"), None)
    if available is None or available["status"] == "True":
        return None
    return parse_time(available["lastTransitionTime"])
