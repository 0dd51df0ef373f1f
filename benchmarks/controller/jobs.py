"""From an object to its Job: `python -m benchmarks.controller.jobs`. The operator's own process and reconcilers, a bare
control plane (no controllers, no kubelet) and a real S3 server, all on the same cores.

All objects of a burst are created at once; a latency is from the API server's answer to the client until a watch shows
the Job. On the way there the operator looks the run up in storage and writes a status.
"""

import argparse
import asyncio
import json
import os
import platform
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory

from benchmarks.controller.bench import Bench, Running, until
from hack.localnode import throwaway
from tests.support.s3 import ROLES, S3
from tests.support.seaweedfs import SeaweedFS

OPERATOR = "perennial.handlers"
GOAL = {100: "p99 ≤ 1 s"}
LONGEST = 900.0


@dataclass(frozen=True)
class Burst:
    """Objects that were created at once."""

    objects: int
    p50_seconds: float
    p99_seconds: float
    max_seconds: float
    jobs_per_second: float  # first creation to last Job
    requests_per_object: float  # of the operator to the API server, all verbs
    cpu_ms_per_object: float  # of the operator


class JobBench(Bench):
    """Bursts against one control plane, each in a namespace with an operator of its own."""

    async def burst(self, objects: int, storage: dict[str, str]) -> Burst:
        """Create so many ModelTrainings at once and wait for all their Jobs."""
        namespace = f"burst-{objects}"
        self.plane.kubectl("create", "namespace", namespace)
        self.plane.kubectl("create", "serviceaccount", "perennial-trainer", "-n", namespace)
        operator = Running(self.folder, self.plane, namespace, module=OPERATOR, more=storage)
        await operator.until_ready()
        jobs: dict[str, float] = {}
        watch = asyncio.create_task(self._watch_jobs(namespace, jobs))
        try:
            await self.create(namespace, ["first"], 1)  # storage is tested at the first object, once an hour
            await until(lambda: len(jobs) == 1, LONGEST)
            cpu, requests = operator.cpu_seconds(), operator.requests()
            begun = time.monotonic()
            created = await self.create(namespace, [f"t{i:05}" for i in range(objects)], objects)
            await until(lambda: len(jobs) == objects + 1, LONGEST)
            waited = sorted(jobs[name] - at for name, at in created.items())
            cuts = quantiles(waited, n=100, method="inclusive")
            return Burst(
                objects=objects,
                p50_seconds=cuts[49],
                p99_seconds=cuts[98],
                max_seconds=waited[-1],
                jobs_per_second=objects / (max(jobs.values()) - begun),
                requests_per_object=(operator.requests() - requests) / objects,
                cpu_ms_per_object=1000 * (operator.cpu_seconds() - cpu) / objects,
            )
        finally:
            watch.cancel()
            operator.stop()

    async def _watch_jobs(self, namespace: str, jobs: dict[str, float]) -> None:
        """When the first Job of each object was seen."""
        async for body in self.watch(f"/apis/batch/v1/namespaces/{namespace}/jobs"):
            jobs.setdefault(body["metadata"]["ownerReferences"][0]["name"], time.monotonic())


def table(bursts: list[Burst]) -> str:
    """As Markdown."""
    lines = ["| objects at once | p50 s | p99 s | max s | Jobs/s | requests/object | CPU ms/object | goal |"]
    lines.append("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |")
    for b in bursts:
        seconds = f"{b.p50_seconds:.3f} | {b.p99_seconds:.3f} | {b.max_seconds:.3f}"
        costs = f"{b.jobs_per_second:.0f} | {b.requests_per_object:.1f} | {b.cpu_ms_per_object:.1f}"
        lines.append(f"| {b.objects} | {seconds} | {costs} | {GOAL.get(b.objects, '')} |")
    return "\n".join(lines)


async def _measure(bench: JobBench, sizes: list[int], s3: S3) -> list[Burst]:
    async with bench:
        return [await bench.burst(n, {**s3.env(), "PERENNIAL_REGISTRY": f"s3://{s3.bucket()}/registry"}) for n in sizes]


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="benchmarks.controller.jobs", description=__doc__)
    parser.add_argument("--objects", type=int, nargs="+", default=[100, 1000], help="sizes of the bursts")
    parser.add_argument("--json", type=Path, help="also write the figures there")
    args = parser.parse_args()
    reason = throwaway.why_not()
    if reason is not None:
        parser.error(reason)
    with TemporaryDirectory() as folder, throwaway.control_plane() as control:
        server = SeaweedFS(Path(folder) / "s3", ROLES)
        try:
            bursts = asyncio.run(_measure(JobBench(control, Path(folder)), args.objects, S3(server.start())))
        finally:
            server.stop()
    print(table(bursts))
    if args.json:
        machine = {"cores": os.cpu_count(), "load": os.getloadavg(), "python": platform.python_version()}
        figures = {"machine": machine, "bursts": [asdict(b) for b in bursts]}
        args.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
