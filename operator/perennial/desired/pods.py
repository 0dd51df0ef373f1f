"""What every pod of ours has in common: the restricted security context, scratch space, storage access,
and the merge of the user's closed subset of a pod template."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

RUN_AS = 65532
SCRATCH = "/work"
POD_FIELDS = (
    "nodeSelector",
    "affinity",
    "tolerations",
    "topologySpreadConstraints",
    "serviceAccountName",
    "runtimeClassName",
    "imagePullSecrets",
)


def restricted_pod() -> dict[str, Any]:
    """Pod-level security context that passes the restricted pod security level."""
    return {
        "runAsNonRoot": True,
        "runAsUser": RUN_AS,
        "runAsGroup": RUN_AS,
        "fsGroup": RUN_AS,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def restricted_container() -> dict[str, Any]:
    """Container-level security context that passes the restricted pod security level."""
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def scratch_volume(size_limit: str | None = None) -> dict[str, Any]:
    """The one writable folder of a pod."""
    return {"name": "work", "emptyDir": {"sizeLimit": size_limit} if size_limit else {}}


def env(name: str, value: str) -> dict[str, Any]:
    """A literal environment variable."""
    return {"name": name, "value": value}


def env_field(name: str, path: str) -> dict[str, Any]:
    """An environment variable from the downward API."""
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}


def merge_template(pod: Mapping[str, Any], template: Mapping[str, Any] | None) -> dict[str, Any]:
    """The user's template laid over a pod template of ours (`{"metadata", "spec"}`); ours wins where safety
    needs it: the first container's image, command and hardening stay, no token is mounted.

    Args:
        pod: a pod template whose first container is ours.
        template: the closed subset of api.podtemplate as JSON, already validated.
    """
    merged: dict[str, Any] = deepcopy(dict(pod))
    template = template or {}
    metadata, spec = merged.setdefault("metadata", {}), merged["spec"]
    metadata["labels"] = {**template.get("labels", {}), **metadata.get("labels", {})}
    if template.get("annotations"):
        metadata["annotations"] = {**template["annotations"], **metadata.get("annotations", {})}
    for name in POD_FIELDS:
        if template.get(name):
            spec[name] = deepcopy(template[name])
    if template.get("securityContext"):
        spec["securityContext"] = {**spec.get("securityContext", {}), **template["securityContext"]}
    spec["volumes"] = [*spec.get("volumes", []), *deepcopy(template.get("volumes", []))]
    _merge_container(spec["containers"][0], template)
    spec["automountServiceAccountToken"] = False
    return merged


def _merge_container(container: dict[str, Any], template: Mapping[str, Any]) -> None:
    ours = {e["name"] for e in container.get("env", [])}
    container["env"] = [*container.get("env", []), *(e for e in template.get("env", []) if e["name"] not in ours)]
    container["envFrom"] = [*container.get("envFrom", []), *template.get("envFrom", [])]
    container["volumeMounts"] = [*container.get("volumeMounts", []), *template.get("volumeMounts", [])]
    if template.get("resources"):
        container["resources"] = deepcopy(template["resources"])
