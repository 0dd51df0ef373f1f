"""What a kubelet does with a pod of own code: one container after the other, the ends written to the API server."""

import asyncio
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from perennial.desired import labels
from perennial.kube.client import Kube
from perennial.kube.resources import Ref
from tests.support.own_pod import EXAMPLE, Container, OwnPod

CODE: dict[str, list[str]] = {
    "own:1": [sys.executable, str(EXAMPLE)],
    "own:broken": [sys.executable, "-c", "print('reading'); raise KeyError('no column late')"],
    "own:picky": [sys.executable, "-c", "import sys; print('fewer rows than I learn from'); sys.exit(64)"],
    "own:idle": ["true"],
}
"""What the images of these tests run."""


def is_own(job: dict[str, Any]) -> bool:
    """Whether the pod of a Job has containers before its last one."""
    return bool(job["spec"]["template"]["spec"].get("initContainers"))


async def carry_out(kube: Kube, job: dict[str, Any], folder: Path, env: dict[str, str]) -> int:
    """Run the pod of a Job to its end and write its status; the exit code of the container that ended it."""
    spec = job["spec"]["template"]["spec"]
    by_name = {c["name"]: c for c in (*spec["initContainers"], *spec["containers"])}
    literal = {e["name"]: e["value"] for e in by_name["fetch"]["env"] if "value" in e}
    code = CODE[by_name["user"]["image"]]
    live = await kube.create(_pod(job, spec))
    told = {"PERENNIAL_TASK": literal["PERENNIAL_TASK"], **env}
    pod = OwnPod(folder, told, code=code, uid=live["metadata"]["uid"])
    ended = {c.name: c for c in await asyncio.to_thread(pod.run)}
    shutil.rmtree(pod.run_folder)
    await _write_end(kube, live, spec, ended)
    return next((c.code for c in ended.values() if c.code and c.name != "agent"), 0)


def _pod(job: dict[str, Any], spec: dict[str, Any]) -> dict[str, Any]:
    meta = job["metadata"]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{meta['name']}-x",
            "namespace": meta["namespace"],
            "labels": {labels.KIND: "ModelTraining"},
            "ownerReferences": [
                {"apiVersion": "batch/v1", "kind": "Job", "name": meta["name"], "uid": meta["uid"], "controller": True}
            ],
        },
        "spec": {**spec, "serviceAccountName": "default"},
    }


async def _write_end(kube: Kube, pod: dict[str, Any], spec: dict[str, Any], ended: dict[str, Container]) -> None:
    status = {
        "phase": "Failed" if any(c.code for c in ended.values()) else "Succeeded",
        "initContainerStatuses": [_status(c["name"], ended) for c in spec["initContainers"]],
        "containerStatuses": [_status(c["name"], ended) for c in spec["containers"]],
    }
    path = Ref.to(pod).path("status")
    await kube.raw("PATCH", path, body={"status": status}, content_type="application/merge-patch+json")


def _status(name: str, ended: dict[str, Container]) -> dict[str, Any]:
    told = ended.get(name)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    state: dict[str, Any] = {"waiting": {"reason": "PodInitializing"}}
    if told is not None:
        state = {
            "terminated": {
                "exitCode": told.code,
                "reason": "Completed" if told.code == 0 else "Error",
                "message": told.message[-4000:],
                "startedAt": now,
                "finishedAt": now,
                "containerID": "x://1",
            }
        }
    image = f"sha256:{name}" if told is not None else ""  # a container that has not begun has none yet
    return {"name": name, "image": "x", "imageID": image, "ready": False, "restartCount": 0, "state": state}
