"""What a kubelet and the Job controller do, with the real trainer: each Job that is not over is carried out by the
container's code in a process, and its pod and end are written to the API server."""

import asyncio
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

from perennial.desired import labels
from perennial.kube.client import Kube
from perennial.kube.resources import Ref
from tests.integration.reconcile.indexed import one_pod
from tests.integration.reconcile.own_kubelet import carry_out, is_own

MERGE = "application/merge-patch+json"


class Machine(Protocol):
    """Where pods run."""

    namespace: str
    env: Mapping[str, str]
    folder: Path
    pod: Callable[[dict[str, str], Path], int]
    hold: bool  # Jobs are not carried out
    jobs_run: list[str]


async def carry_out_jobs(kube: Kube, machine: Machine) -> bool:
    """Carry out every Job that waits, and end those that are being deleted; whether there was any."""
    moved = False
    for job in await kube.list("Job", machine.namespace):
        done = any(c["type"] in ("Complete", "Failed") for c in job.get("status", {}).get("conditions", ()))
        if "deletionTimestamp" in job["metadata"] and job["metadata"].get("finalizers"):
            path = Ref("Job", machine.namespace, job["metadata"]["name"]).path()
            await kube.raw("PATCH", path, body={"metadata": {"finalizers": None}}, content_type=MERGE)
            moved = True
        elif not done and not machine.hold and not job["spec"].get("suspend"):
            await _carry_out(kube, job, machine)
            moved = True
    return moved


async def _carry_out(kube: Kube, job: dict[str, Any], machine: Machine) -> None:
    async def process(job: Mapping[str, Any], more: dict[str, str]) -> tuple[int, str]:
        return await _process(job, more, machine)

    if job["spec"].get("completionMode") == "Indexed":
        await one_pod(kube, job, process)
        return
    machine.jobs_run.append(job["metadata"]["name"])
    if is_own(job):
        code = await carry_out(kube, job, machine.folder / f"own-{uuid4()}", dict(machine.env))
    else:
        pod = await kube.create(_pod(job))
        code, message = await process(job, {"POD_UID": pod["metadata"]["uid"]})
        await _write_end(kube, pod, code, message)
    await _write_job_end(kube, job, code)


async def _process(job: Mapping[str, Any], more: dict[str, str], machine: Machine) -> tuple[int, str]:
    """Run the container of a Job to its end; its exit code and termination message."""
    name, told = str(uuid4()), machine.folder / f"{uuid4()}"
    container = job["spec"]["template"]["spec"]["containers"][0]
    literal = {e["name"]: e["value"] for e in container["env"] if "value" in e}
    scratch = machine.folder / f"work-{name}"
    scratch.mkdir()
    env = {
        **os.environ, **literal, **machine.env, "POD_UID": name, "PERENNIAL_TERMINATION_LOG": str(told),
        "PERENNIAL_PROGRESS_PORT": "0", "HOME": str(scratch), "TMPDIR": str(scratch), **more,
    }  # fmt: skip
    code = await asyncio.to_thread(machine.pod, env, told.with_suffix(".log"))
    return code, told.read_text() if told.exists() else told.with_suffix(".log").read_text()[-2000:]


def _pod(job: Mapping[str, Any]) -> dict[str, Any]:
    meta = job["metadata"]
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": meta["name"], "uid": meta["uid"], "controller": True}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{meta['name']}-x",
            "namespace": meta["namespace"],
            "labels": {labels.KIND: "ModelTraining"},
            "ownerReferences": [owner],
        },
        "spec": {"containers": [{"name": "trainer", "image": "x"}], "restartPolicy": "Never"},
    }


async def _write_end(kube: Kube, pod: Mapping[str, Any], code: int, message: str) -> None:
    now = _now()
    ended = {
        "exitCode": code,
        "reason": "Completed" if code == 0 else "Error",
        "message": message,
        "finishedAt": now,
        "startedAt": now,
        "containerID": "x://1",
    }
    container = {
        "name": "trainer", "image": "x", "imageID": "sha256:trainer", "ready": False, "restartCount": 0,
        "state": {"terminated": ended},
    }  # fmt: skip
    status = {"phase": "Succeeded" if code == 0 else "Failed", "containerStatuses": [container]}
    await kube.raw("PATCH", Ref.to(pod).path("status"), body={"status": status}, content_type=MERGE)


async def _write_job_end(kube: Kube, job: Mapping[str, Any], code: int) -> None:
    now = _now()
    reason = {} if code == 0 else {"reason": "PodFailurePolicy", "message": f"exit code {code}"}
    types = ("SuccessCriteriaMet", "Complete") if code == 0 else ("FailureTarget", "Failed")
    conditions = [
        {"type": t, "status": "True", "lastTransitionTime": now, "lastProbeTime": now, **reason} for t in types
    ]
    counts: dict[str, Any] = {"succeeded": 1, "completionTime": now} if code == 0 else {"failed": 1}
    path = Ref("Job", job["metadata"]["namespace"], job["metadata"]["name"]).path("status")
    status = {"startTime": now, "conditions": conditions, **counts}
    await kube.raw("PATCH", path, body={"status": status}, content_type=MERGE)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
