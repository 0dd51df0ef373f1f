"""What keeps a served model available: disruption budget and autoscaler of the public Service's pods."""

from collections.abc import Iterator, Mapping
from typing import Any

from perennial.desired import labels, names
from perennial.desired.serving_revision import revision_labels, revision_selector


def disruption_budget(owner: Mapping[str, Any], revision_key: str, model: str) -> dict[str, Any]:
    """One pod at a time may be evicted. `maxUnavailable`, because with one replica a `minAvailable` would
    block every drain of a node."""
    short = revision_key[:8]
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": labels.child_metadata(
            owner, names.service(owner["metadata"]["name"]), revision_labels(owner, short, model)
        ),
        "spec": {
            "maxUnavailable": 1,
            "selector": {"matchLabels": revision_selector(owner, short)},
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }


DEFAULT_CPU_PERCENT = 70
IN_FLIGHT = "perennial_server_in_flight"
"""The server's gauge of requests in flight, as a metrics adapter gives it to the custom metrics API by pod."""


def autoscaler(owner: Mapping[str, Any], model: str, autoscaling: Mapping[str, Any]) -> dict[str, Any]:
    """A HorizontalPodAutoscaler on the ModelDeployment's scale subresource, so that it follows the stable
    revision through rollouts."""
    name = names.service(owner["metadata"]["name"])
    child = labels.child_labels("ModelDeployment", owner["metadata"]["name"], component="serving", model=model)
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": labels.child_metadata(owner, name, child),
        "spec": {
            "minReplicas": autoscaling.get("min", 1),
            "maxReplicas": autoscaling["max"],
            "scaleTargetRef": {
                "apiVersion": owner["apiVersion"],
                "kind": owner["kind"],
                "name": owner["metadata"]["name"],
            },
            "metrics": list(_metrics(autoscaling)),
        },
    }


def _metrics(autoscaling: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What the autoscaler aims for; of two, Kubernetes takes the one that wants more replicas."""
    concurrency, percent = autoscaling.get("targetConcurrency"), autoscaling.get("targetCPUPercent")
    if percent or not concurrency:
        target = {"type": "Utilization", "averageUtilization": percent or DEFAULT_CPU_PERCENT}
        yield {"type": "Resource", "resource": {"name": "cpu", "target": target}}
    if concurrency:
        aim = {"type": "AverageValue", "averageValue": str(concurrency)}
        yield {"type": "Pods", "pods": {"metric": {"name": IN_FLIGHT}, "target": aim}}
