"""The runs: clients that create, an operator that follows, and what its process used meanwhile."""

import asyncio
import json
import os
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from statistics import median, quantiles
from types import TracebackType
from typing import Any, Self

import aiohttp

from benchmarks.controller.figures import Scale, Throughput
from hack.localnode.control_plane import ControlPlane
from hack.localnode.network import free_ports
from tests.integration.controller.conftest import ROOT, Plane, training

API = "/apis/perennial.dev/v1alpha1/namespaces"
MIB = 2**20
TOY = "tests.integration.controller.toy"
NONE: Mapping[str, str] = {}


class Bench:
    """One control plane, used by one run after the other in namespaces of their own."""

    def __init__(self, control: ControlPlane, folder: Path):
        self.plane = Plane(control)
        self.folder = folder
        self._session: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        pki = self.plane.control.place.pki
        tls = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        tls.load_cert_chain(pki / "admin.crt", pki / "admin.key")
        self._session = aiohttp.ClientSession(
            self.plane.control.url,
            connector=aiohttp.TCPConnector(ssl=tls, limit=0),
            timeout=aiohttp.ClientTimeout(total=None),
            read_bufsize=2**22,
        )
        self.plane.install_crds()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def throughput(self, objects: int, clients: int) -> Throughput:
        """Clients create as fast as they can while the operator makes the children."""
        self.plane.kubectl("create", "namespace", "throughput")
        operator = Running(self.folder, self.plane, "throughput")
        await operator.until_ready()
        cpu, requests = operator.cpu_seconds(), operator.requests()
        seen: dict[str, float] = {}
        watch = asyncio.create_task(self._watch_children("throughput", seen))
        await asyncio.sleep(0.5)
        begun = time.monotonic()
        created = await self.create("throughput", _names(objects), clients)
        created_in = time.monotonic() - begun
        await until(lambda: len(seen) >= objects, 600)
        last_child = max(seen.values())
        await self._until_statuses("throughput", objects)
        last_status = time.monotonic()
        watch.cancel()
        latencies = [1000 * (seen[f"{name}-made"] - at) for name, at in created.items()]
        figures = Throughput(
            objects=objects,
            clients=clients,
            created_per_second=objects / created_in,
            children_per_second=objects / (last_child - begun),
            statuses_per_second=objects / (last_status - begun),
            latency_median_ms=median(latencies),
            latency_p99_ms=quantiles(latencies, n=100)[-1],
            requests_per_object=(operator.requests() - requests) / objects,
            cpu_ms_per_object=1000 * (operator.cpu_seconds() - cpu) / objects,
            longest_block_ms=1000 * operator.metric("perennial_loop_lag_seconds"),
        )
        operator.stop()
        return figures

    async def scale(self, objects: int, clients: int) -> Scale:
        """The operator starts anew where everything is there already."""
        self.plane.kubectl("create", "namespace", "scale")
        first = Running(self.folder, self.plane, "scale")
        await first.until_ready()
        await self.create("scale", _names(objects), clients)
        await self._until_statuses("scale", objects)
        first.stop()

        begun = time.monotonic()
        again = Running(self.folder, self.plane, "scale")
        await until(lambda: again.metric("perennial_cached_objects") >= 2 * objects, 300)
        observed = time.monotonic() - begun
        await until(lambda: again.metric("perennial_reconcile_total") >= objects, 300)
        settled = time.monotonic() - begun
        writes = again.writes()
        await asyncio.sleep(10)
        figures = Scale(
            objects=objects,
            children=objects,
            observed_seconds=observed,
            settled_seconds=settled,
            looks_per_second=objects / max(settled - observed, 0.05),
            writes=writes,
            idle_writes=again.writes() - writes,
            rss_mib=again.memory("VmRSS"),
            rss_peak_mib=again.memory("VmHWM"),
            longest_block_ms=1000 * again.metric("perennial_loop_lag_seconds"),
        )
        again.stop()
        return figures

    async def create(self, namespace: str, names: list[str], clients: int) -> dict[str, float]:
        """Create smallest ModelTrainings, one after the other a client; when each was acknowledged."""
        created: dict[str, float] = {}

        async def client(share: list[str]) -> None:
            for name in share:
                body = training(name, namespace)
                async with self._session.post(f"{API}/{namespace}/modeltrainings", json=body) as answer:
                    assert answer.status == 201, await answer.text()
                created[name] = time.monotonic()

        await asyncio.gather(*(client(names[i::clients]) for i in range(clients)))
        return created

    async def _watch_children(self, namespace: str, seen: dict[str, float]) -> None:
        async for body in self.watch(f"/api/v1/namespaces/{namespace}/configmaps"):
            seen.setdefault(body["metadata"]["name"], time.monotonic())

    async def watch(self, path: str) -> AsyncIterator[dict[str, Any]]:
        """Our children below a path as they come and change, without an end."""
        params = {"watch": "true", "labelSelector": "app.kubernetes.io/managed-by=perennial"}
        async with self._session.get(path, params=params) as answer:
            async for line in answer.content:
                yield json.loads(line)["object"]

    async def _until_statuses(self, namespace: str, objects: int) -> None:
        params = {"watch": "true"}
        done: set[str] = set()
        async with self._session.get(f"{API}/{namespace}/modeltrainings", params=params) as answer:
            async for line in answer.content:
                body: dict[str, Any] = json.loads(line)["object"]
                conditions = (body.get("status") or {}).get("conditions") or ()
                if any(c["reason"] == "Made" for c in conditions):
                    done.add(body["metadata"]["name"])
                if len(done) == objects:
                    return


def _names(objects: int) -> list[str]:
    return [f"t{i:05}" for i in range(objects)]


class Running:
    """An operator process and what the kernel and its metrics say of it."""

    def __init__(
        self, folder: Path, plane: Plane, namespace: str, *, module: str = TOY, more: Mapping[str, str] = NONE
    ):
        self._port = free_ports(1)[0]
        environment = {
            "KUBECONFIG": str(plane.control.place.kubeconfig),
            "PERENNIAL_REGISTRY": "s3://perennial/registry",
            "PERENNIAL_TRAINER_IMAGE": "localhost/perennial-trainer:bench",
            "PERENNIAL_SERVER_IMAGE": "localhost/perennial-server:bench",
            "PERENNIAL_NAMESPACE": namespace,
            "PERENNIAL_WATCH_NAMESPACES": namespace,
            "PERENNIAL_POD_NAME": "operator",
            "PERENNIAL_PORT": str(self._port),
            **more,
        }
        with (folder / "operator.log").open("ab") as log:
            command = [sys.executable, "-m", module]
            self._process = subprocess.Popen(command, cwd=ROOT, env=os.environ | environment, stdout=log, stderr=log)

    async def until_ready(self) -> None:
        """Wait for the first reading of the cluster and the watches."""
        await until(lambda: self._get("/readyz").startswith("ok") and self.metric("perennial_queue_depth") == 0, 60)

    def metric(self, name: str) -> float:
        """Sum over the samples of a metric."""
        lines = self._get("/metrics").splitlines()
        return sum(float(x.rpartition(" ")[2]) for x in lines if x.startswith((f"{name}{{", f"{name} ")))

    def requests(self) -> float:
        """Requests sent so far."""
        return self.metric("perennial_api_requests_total")

    def writes(self) -> int:
        """Those of them that write."""
        lines = [x for x in self._get("/metrics").splitlines() if x.startswith("perennial_api_requests_total{")]
        return sum(int(float(x.rpartition(" ")[2])) for x in lines if 'verb="GET"' not in x)

    def memory(self, field: str) -> float:
        """MiB of a field of /proc/PID/status."""
        lines = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        return float(next(x.split()[1] for x in lines if x.startswith(f"{field}:"))) * 1024 / MIB

    def cpu_seconds(self) -> float:
        """User and system time used so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """End it as the kubelet would."""
        self._process.terminate()
        self._process.wait(30)

    def _get(self, path: str) -> str:
        command = ["curl", "-s", "--max-time", "5", f"http://127.0.0.1:{self._port}{path}"]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout


async def until(question: Callable[[], bool], seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while not await asyncio.to_thread(question):  # noqa: ASYNC110 - the other process signals nothing
            await asyncio.sleep(0.1)
