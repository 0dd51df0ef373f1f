"""Pods for tests on the real node: one container of Python code under the restricted pod security level."""

from __future__ import annotations

import json
from typing import Any

from tests.support.node import RunningNode

_RESTRICTED: dict[str, Any] = {
    "runAsNonRoot": True,
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


def python_pod(name: str, image: str, code: str, *, user: int | None = 65532, **container: object) -> dict[str, Any]:
    """A Pod manifest that runs `code`; `user=None` takes the image's own user."""
    security = _RESTRICTED if user is None else {**_RESTRICTED, "runAsUser": user}
    main = {
        "name": "main",
        "image": image,
        "imagePullPolicy": "Never",
        "command": ["python3", "-c", code],
        "securityContext": security,
        **container,
    }
    spec = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 0,
        "automountServiceAccountToken": False,
        "containers": [main],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}}, "spec": spec}


def finished(node: RunningNode, namespace: str, pod: dict[str, Any], seconds: int = 120) -> dict[str, Any]:
    """Run a pod to its end; returns its container's terminated state."""
    name = pod["metadata"]["name"]
    node.kubectl("-n", namespace, "apply", "-f", "-", input=json.dumps(pod))
    path = "jsonpath={.status.containerStatuses[0].state.terminated}"
    wait = ["wait", f"pod/{name}", f"--for={path}", f"--timeout={seconds}s"]
    node.kubectl("-n", namespace, *wait, timeout=seconds + 10)
    return dict(json.loads(node.kubectl("-n", namespace, "get", "pod", name, "-o", path).stdout))


def logs(node: RunningNode, namespace: str, name: str) -> str:
    """What the pod has printed, without surrounding space."""
    return node.kubectl("-n", namespace, "logs", name).stdout.strip()
