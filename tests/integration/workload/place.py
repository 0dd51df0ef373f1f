"""The world of the reconcilers beside real controllers: they make Jobs and Pods, and here is the kubelet.

A pod is carried out by running its container's command with its environment, and its end is written to the API server.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

from perennial.kube.client import Kube
from perennial.kube.resources import Ref
from perennial.reconcile.storage import StoragePool
from tests.integration.reconcile.mortal import MortalKube
from tests.integration.reconcile.world import API, World

MERGE = "application/merge-patch+json"
STAGES = "python -m perennial.runtime.training.own"
LEADER = f"{STAGES} fetch && python {Path(__file__).with_name('code.py')} && {STAGES} publish"
MINUTES = 4


@dataclass
class Place(World):
    """One namespace of a cluster with controllers."""

    writes: list[str] = field(default_factory=list)  # of the operator
    started: list[str] = field(default_factory=list)  # pods

    async def look(self) -> None:
        """One look of the operator at every object."""
        kube, pool = MortalKube(self.access), StoragePool(4)
        try:
            with mock.patch.dict(os.environ, self.env):
                await self._round(kube, pool)
        finally:
            self.writes += kube.writes
            await kube.close()
            pool.close()

    async def until(self, done: Callable[[dict[str, Any]], bool], *, run: bool = True, name: str = "m") -> Any:
        """Look and carry out pods until the status of a ModelTraining is as wanted."""

        async def wanted() -> Any:
            await self.look()
            if run:
                await self.run_pods()
            status = (await self.get("ModelTraining", name)).get("status", {})
            return status if done(status) else None

        return await self.come(wanted)

    async def come[T](self, wanted: Callable[[], Awaitable[T | None]]) -> T:
        """Wait for something that is not None."""
        async with asyncio.timeout(60 * MINUTES):
            while (found := await wanted()) is None:  # noqa: ASYNC110  what others do is only seen by looking
                await asyncio.sleep(0.3)
        return found

    async def run_pods(self) -> None:
        """Carry out every pod that is not over."""
        kube = Kube(self.access)
        for pod in await kube.list("Pod", self.namespace):
            if pod.get("status", {}).get("phase") == "Pending" and "deletionTimestamp" not in pod["metadata"]:
                self.started.append(pod["metadata"]["name"])
                container = pod["spec"]["containers"][0]
                code, said = await asyncio.to_thread(self._command, container, pod["metadata"]["uid"])
                await self.change(Ref.to(pod), {"status": _ended(container, code, said)}, "status")
        await kube.close()

    def _command(self, container: dict[str, Any], uid: str) -> tuple[int, str]:
        folder, told = self.folder / uid, self.folder / f"{uid}.told"
        folder.mkdir()
        literal = {e["name"]: e["value"] for e in container.get("env", ()) if "value" in e}
        own = {
            **os.environ, **literal, **self.env, "POD_UID": uid, "PERENNIAL_TERMINATION_LOG": str(told),
            "PERENNIAL_PROGRESS_PORT": "0", "PERENNIAL_RUN": str(folder / "run"),
            "PERENNIAL_PRIVATE": str(folder / "private"), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }  # fmt: skip
        command = container.get("command", ["python", "-m", "perennial.runtime.training"])
        run = subprocess.run(command, env=own, capture_output=True, text=True, timeout=200, check=False)
        return run.returncode, told.read_text() if told.exists() else run.stderr[-2000:]

    async def change(self, ref: Ref, body: dict[str, Any], subresource: str | None = None) -> None:
        """A merge patch by somebody else."""
        kube = Kube(self.access)
        await kube.raw("PATCH", ref.path(subresource), body=body, content_type=MERGE)
        await kube.close()

    async def train(self, workload: dict[str, Any] | None = None, *, queue: str = "", **spec: Any) -> None:
        """Apply the ModelTraining `m`."""
        how = {"workload": workload} if workload else {
            "algorithm": {"estimator": "sklearn.linear_model.LogisticRegression"}
        }  # fmt: skip
        labels = {"kueue.x-k8s.io/queue-name": queue} if queue else {}
        await self.apply({
            "apiVersion": API,
            "kind": "ModelTraining",
            "metadata": {"name": "m", "namespace": self.namespace, "labels": labels},
            "spec": {"data": {"train": {"uri": self.data}, "target": "y"}, **how, **spec},
        })  # fmt: skip

    async def only(self, kind: str) -> dict[str, Any]:
        """The only object of a kind."""
        (found,) = await self.items(kind)
        return found


def _ended(container: dict[str, Any], code: int, said: str) -> dict[str, Any]:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    ended = {"exitCode": code, "reason": "Completed" if code == 0 else "Error", "message": said, "containerID": "x://1"}
    state = {"terminated": {**ended, "startedAt": now, "finishedAt": now}}
    shown = {"name": container["name"], "image": "x", "imageID": "x", "ready": False, "restartCount": 0, "state": state}
    return {"phase": "Succeeded" if code == 0 else "Failed", "containerStatuses": [shown]}


def condition(status: dict[str, Any], type_: str) -> dict[str, Any]:
    """A condition, empty if there is none."""
    found: dict[str, Any] = next((c for c in status.get("conditions", ()) if c["type"] == type_), {})
    return found


def reason(status: dict[str, Any]) -> str:
    """Reason of Succeeded."""
    return str(condition(status, "Succeeded").get("reason", ""))


def jobset(leader: str = LEADER, *, workers: int = 1, **spec: Any) -> dict[str, Any]:
    """A leader that does the work, and workers that end well."""

    def of(command: str, count: int) -> dict[str, Any]:
        container = {"name": "main", "image": "trainer:1", "command": ["sh", "-c", command]}
        pods = {"spec": {"containers": [container]}}
        return {"replicas": 1, "template": {"spec": {"parallelism": count, "completions": count, "template": pods}}}

    jobs = [{"name": "leader", **of(leader, 1)}, {"name": "workers", **of("true", workers)}]
    return {"kind": "JobSet", "template": {"spec": {"replicatedJobs": jobs, **spec}}}
