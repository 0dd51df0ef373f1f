"""`python -m benchmarks.serving [--peers]`: one table and one JSON file under benchmarks/results."""

import argparse
import json
import os
import platform
import subprocess
import tempfile
from contextlib import AbstractContextManager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.serving.artifact import MODELS, for_ours, for_peers
from benchmarks.serving.load import measure
from benchmarks.serving.peers import python_of
from benchmarks.serving.servers import Running, cpu_seconds, kserve, mlserver, no_model, ours, resident_mib
from perennial.api.records.server import RolloutPlan, ServerMonitoring

RESULTS = Path(__file__).parents[1] / "results"
TARGET_OF_LIMIT = 0.6
SPLIT_WEIGHT = 10.0


def main() -> None:
    """Measure, print, store."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="perennial-bench-") as name:
        rows = _measure_all(options, Path(name))
    print(_table(rows))
    RESULTS.mkdir(exist_ok=True)
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H%MZ")
    file = RESULTS / f"serving-{stamp}.json"
    machine = {"cpu": platform.processor() or platform.machine(), "cores": os.cpu_count(), "load": os.getloadavg()}
    file.write_text(json.dumps({"at": stamp, "machine": machine, "seconds": options.seconds, "rows": rows}, indent=1))
    print(f"written to {file}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.serving", description=__doc__)
    parser.add_argument("--peers", action="store_true", help="install and measure MLServer and KServe too")
    parser.add_argument("--seconds", type=int, default=5, help="of each measurement")
    parser.add_argument("--rows", default="1,16,256", help="rows per request")
    parser.add_argument("--models", default="logistic", help=f"of {', '.join(MODELS)}")
    parser.add_argument("--server-core", type=int, default=0)
    parser.add_argument("--load-core", type=int, default=1)
    return parser.parse_args()


def _measure_all(options: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    core = options.server_core
    rows = _of(no_model(core, _sub(folder, "none")), "no model", "", options, folder)
    for model in options.models.split(","):
        config = for_ours(model, folder / "registry")
        rows += _of(ours(config, core, _sub(folder, f"ours-{model}")), "perennial", model, options, folder)
        binary = ours(config, core, _sub(folder, f"binary-{model}"))
        rows += _of(binary, "perennial, binary tensors", model, options, folder, binary=True)
        if model == "logistic":
            rows += _costs(config, options, folder)
        if options.peers:
            rows += _peers(model, options, folder)
    return rows


def _costs(config: Any, options: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    """What monitoring costs, and what splitting costs."""
    plain = config.model_copy(update={"monitoring": ServerMonitoring(enabled=False)})
    core = options.server_core
    rows = _of(ours(plain, core, _sub(folder, "plain")), "perennial, monitoring off", "logistic", options, folder)
    with ours(config, options.load_core, _sub(folder, "candidate")) as candidate:
        plan = RolloutPlan(rollout="b", candidate_url=candidate.url, candidate_version="2", weight=SPLIT_WEIGHT)
        split = ours(config, core, _sub(folder, "split"), plan.to_json())
        rows += _of(split, "perennial, splitting 10 %", "logistic", options, folder)
    return rows


def _peers(model: str, options: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    file = for_peers(model, _sub(folder, f"peer-{model}"))
    rows: list[dict[str, Any]] = []
    for name, start in (("mlserver", mlserver), ("kserve", kserve)):
        try:
            server = start(python_of(name), file, options.server_core, _sub(folder, f"{name}-{model}"))
            rows += _of(server, name, model, options, folder)
        except (subprocess.SubprocessError, RuntimeError) as error:
            print(f"{name} could not be measured: {str(error)[-500:]}")
    return rows


def _of(
    server: AbstractContextManager[Running], name: str, model: str, options: argparse.Namespace, folder: Path,
    *, binary: bool = False,
) -> list[dict[str, Any]]:  # fmt: skip
    found = []
    with server as running:
        idle = resident_mib(running.pid)
        for rows in map(int, options.rows.split(",")):
            url = running.url + running.path
            measure(url, rows, seconds=1, core=options.load_core, folder=folder, binary=binary)
            before = cpu_seconds(running.pid)
            one = measure(url, rows, seconds=options.seconds, core=options.load_core, folder=folder, binary=binary)
            cpu = (cpu_seconds(running.pid) - before) / max(one.requests, 1) * 1e6
            facts = {"server": name, "model": model, "rows": rows, **asdict(one), "cpu_us": round(cpu, 1)}
            found.append({**facts, "idle_mib": round(idle, 1), "seconds_to_ready": round(running.seconds_to_ready, 2)})
    return found


def _table(rows: list[dict[str, Any]]) -> str:
    limits = {r["rows"]: r for r in rows if r["server"] == "no model"}
    heads = "server|model|rows|requests/s|of no model|CPU µs/request|of no model|p50 ms|p99 ms|errors|idle MiB|ready s"
    lines = [f"| {heads.replace('|', ' | ')} |", "|---|---|" + "---:|" * 10]
    for r in rows:
        limit = limits[r["rows"]]
        share = r["requests_per_second"] / limit["requests_per_second"]
        mark = " (below the target)" if r["server"] == "perennial" and share < TARGET_OF_LIMIT else ""
        cells = [
            r["server"], r["model"], r["rows"], f"{r['requests_per_second']:,.0f}", f"{share:.0%}{mark}",
            f"{r['cpu_us']:.0f}", f"{limit['cpu_us'] / r['cpu_us']:.0%}", f"{r['p50_ms']:.2f}", f"{r['p99_ms']:.2f}",
            r["errors"], f"{r['idle_mib']:.0f}", f"{r['seconds_to_ready']:.1f}",
        ]  # fmt: skip
        lines.append("| " + " | ".join(str(c) for c in cells) + " |")
    return "\n".join(lines)


def _sub(folder: Path, name: str) -> Path:
    path = folder / name
    path.mkdir(parents=True, exist_ok=True)
    return path


if __name__ == "__main__":
    main()
