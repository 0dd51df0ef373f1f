"""What of an object is worth keeping: only what a decision reads. Pure; where it is kept is observe/cache.py.

A kind that is not named here keeps metadata, spec, status and data.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

Body = Mapping[str, Any]

METADATA = (
    "name",
    "namespace",
    "uid",
    "generation",
    "labels",
    "annotations",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "ownerReferences",
)
NOT_READ = ("kubectl.kubernetes.io/last-applied-configuration", "deployment.kubernetes.io/revision")
"""Annotations as large as the object itself, or that change without meaning."""

CONTENT = ("spec", "status", "data", "binaryData")
JOB_SPEC = ("suspend", "parallelism", "completions", "backoffLimit", "activeDeadlineSeconds", "managedBy")
POD_SPEC = ("nodeName", "priority", "terminationGracePeriodSeconds")
POD_STATUS = (
    "phase",
    "reason",
    "message",
    "conditions",
    "podIP",
    "startTime",
    "containerStatuses",
    "initContainerStatuses",
)


def project(body: Body) -> dict[str, Any]:
    """The part of an object that is kept."""
    kind = body["kind"]
    meta = {k: body["metadata"][k] for k in METADATA if k in body["metadata"]}
    if meta.get("annotations"):
        meta["annotations"] = {k: v for k, v in meta["annotations"].items() if k not in NOT_READ}
    kept = {"apiVersion": body.get("apiVersion"), "kind": kind, "metadata": meta}
    return {**kept, **_CONTENT.get(kind, _whole)(body)}


def pack(body: Body) -> bytes:
    """The projected object as bytes: equal bytes, equal object. A tenth of the memory that dictionaries take."""
    return json.dumps(project(body), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def unpack(packed: bytes) -> dict[str, Any]:
    """A copy that the caller may do with as it likes."""
    return dict(json.loads(packed))


def _whole(body: Body) -> dict[str, Any]:
    return {k: body[k] for k in CONTENT if k in body}


def _job(body: Body) -> dict[str, Any]:
    # A Job is never applied a second time, so its template is of no interest once it exists.
    return {"spec": _pick(body.get("spec"), JOB_SPEC), "status": body.get("status", {})}


def _pod(body: Body) -> dict[str, Any]:
    return {"spec": _pick(body.get("spec"), POD_SPEC), "status": _pick(body.get("status"), POD_STATUS)}


def _pick(mapping: Body | None, keys: tuple[str, ...]) -> dict[str, Any]:
    return {k: mapping[k] for k in keys if k in mapping} if mapping else {}


_CONTENT: Mapping[str, Callable[[Body], dict[str, Any]]] = {"Job": _job, "Pod": _pod}
