"""How fast, how large, how idle is the controller? One command: `python -m benchmarks.controller`.

A bare control plane of its own (no controllers, no kubelet) and the operator's real process with the tests' small
reconciler, on the same cores. Figures move with whatever else the machine does; nothing here asserts on them.
"""

import argparse
import asyncio
import json
import os
import platform
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.controller.bench import Bench
from benchmarks.controller.figures import Scale, Throughput, table
from hack.localnode import throwaway


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="benchmarks.controller", description=__doc__)
    parser.add_argument("--objects", type=int, default=1000, help="created by the clients in the throughput run")
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--scale", type=int, default=10_000, help="objects (with as many children) of the start-up run")
    parser.add_argument("--json", type=Path, help="also write the figures there")
    args = parser.parse_args()
    reason = throwaway.why_not()
    if reason is not None:
        parser.error(reason)
    with TemporaryDirectory() as folder, throwaway.control_plane() as control:
        bench = Bench(control, Path(folder))
        throughput, scale = asyncio.run(_measure(bench, args))
    print(table(throughput, scale))
    if args.json:
        machine = {"cores": os.cpu_count(), "load": os.getloadavg(), "python": platform.python_version()}
        figures = {"machine": machine, "throughput": asdict(throughput), "scale": asdict(scale)}
        args.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0


async def _measure(bench: Bench, args: argparse.Namespace) -> tuple[Throughput, Scale]:
    async with bench:
        throughput = await bench.throughput(args.objects, args.clients)
        scale = await bench.scale(args.scale, args.clients)
    return throughput, scale


if __name__ == "__main__":
    raise SystemExit(main())
