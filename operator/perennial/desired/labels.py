"""Labels, annotations and owner references of everything the operator makes."""

from collections.abc import Mapping
from typing import Any

MANAGED_BY = "perennial"
KIND = "perennial.dev/kind"
MODEL = "perennial.dev/model"
VERSION = "perennial.dev/version"
REVISION = "perennial.dev/revision"
ROLE = "perennial.dev/role"
TASK = "perennial.dev/task"
WORKLOAD = "perennial.dev/workload"
QUEUE = "kueue.x-k8s.io/queue-name"
POD_TEMPLATE = "perennial.dev/pod-template"
PLAN_TOUCH = "perennial.dev/plan"


def child_labels(kind: str, name: str, *, component: str, model: str = "", **more: str) -> dict[str, str]:
    """Labels of a child of `kind`/`name`; how events of children find their object again."""
    labels = {
        "app.kubernetes.io/name": f"perennial-{component}",
        "app.kubernetes.io/instance": name,
        "app.kubernetes.io/component": component,
        "app.kubernetes.io/part-of": "perennial",
        "app.kubernetes.io/managed-by": MANAGED_BY,
        KIND: kind,
    }
    if model:
        labels[MODEL] = model
    return labels | more


def controller_reference(owner: Mapping[str, Any]) -> dict[str, Any]:
    """The controller owner reference to a custom resource, so that Kubernetes deletes children with it."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def child_metadata(
    owner: Mapping[str, Any], name: str, labels: Mapping[str, str], annotations: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """`metadata` of a child in its owner's namespace."""
    metadata: dict[str, Any] = {
        "name": name,
        "namespace": owner["metadata"]["namespace"],
        "labels": dict(labels),
        "ownerReferences": [controller_reference(owner)],
    }
    if annotations:
        metadata["annotations"] = dict(annotations)
    return metadata
