"""What a run costs over the bare script: `python -m benchmarks.training`. Real S3 server, the container's own command.

Same rows, same estimator, same parameters; bare script and trainer alternate, each as a process of its own.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.training.figures import Bare, Ours, summary, table
from benchmarks.training.rows import objects
from perennial.api.identities import run_key
from perennial.api.records.task import Outcome, Task
from perennial.api.training import ModelTrainingSpec
from perennial.store import open_store
from perennial.store.registry import Registry
from tests.support.s3 import ROLES, S3
from tests.support.seaweedfs import SeaweedFS

NAMESPACE = "bench"
HIST = "sklearn.ensemble.HistGradientBoostingClassifier"
BARE = Path(__file__).with_name("bare.py")
LIMIT = 1800


class Side:
    """One bucket with the rows in it."""

    def __init__(self, s3: S3, bucket: str, folder: Path, iterations: int) -> None:
        self._env = {**os.environ, **s3.env()}
        self._bucket, self._folder, self._iterations = bucket, folder, iterations

    def bare(self) -> Bare:
        """The plain script."""
        command = [sys.executable, str(BARE), self._bucket, "data/", str(self._iterations)]
        wall, peak, printed = _measured(command, self._env, self._folder / "bare")
        said = json.loads(printed)
        return Bare(wall, peak, said["fit"], said["roc_auc"])

    def ours(self, number: int) -> Ours:
        """The trainer; a seed of its own, so that no run is reused."""
        task = self._task(number)
        told = self._folder / f"termination-{number}"
        env = {
            **self._env, "PERENNIAL_TASK": task.to_json().decode(), "PERENNIAL_TERMINATION_LOG": str(told),
            "PERENNIAL_PROGRESS_PORT": "0", "POD_UID": f"bench-{number}",
        }  # fmt: skip
        wall, peak, _ = _measured([sys.executable, "-m", "perennial.runtime.training"], env, self._folder / "ours")
        digest = Outcome.from_json(told.read_bytes()).run_digest
        record = Registry(open_store(task.registry, self._env), NAMESPACE, "m").runs.read(digest or "")
        assert record is not None, told.read_text()
        return Ours(wall, peak, dict(record.timings), record.metrics["roc_auc"].value)

    def _task(self, number: int) -> Task:
        spec: dict[str, Any] = {
            "data": {
                "train": {"uri": f"s3://{self._bucket}/data/"},
                "target": "outcome",
                "features": {"timeColumn": "time"},
            },
            "algorithm": {
                "estimator": HIST,
                "parameters": {"max_iter": self._iterations, "early_stopping": False},
            },
            "seed": 42 + number,
        }
        key = run_key(ModelTrainingSpec.model_validate(spec).normalised(), model="m")
        registry = f"s3://{self._bucket}/registry"
        return Task(
            namespace=NAMESPACE, model="m", training="m", uid="u", registry=registry, run_key=key, spec=spec
        )  # fmt: skip


def _measured(command: list[str], env: dict[str, str], folder: Path) -> tuple[float, float, str]:
    """Wall seconds, peak resident MiB and standard output of a process."""
    out = folder.with_suffix(".out")
    began = time.monotonic()
    with out.open("wb") as sink, folder.with_suffix(".err").open("wb") as errors:
        process = subprocess.Popen(command, env=env, stdout=sink, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - began
    if process.returncode:
        raise SystemExit(
            f"{' '.join(command)} ended with {process.returncode}:\n{folder.with_suffix('.err').read_text()[-3000:]}"
        )
    return wall, usage.ru_maxrss / 1024, out.read_text()


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="benchmarks.training", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=30)
    parser.add_argument("--iterations", type=int, default=100, help="trees of the estimator")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, help="also write the figures there")
    args = parser.parse_args()
    bare, ours = [], []
    with TemporaryDirectory() as folder:
        server = SeaweedFS(Path(folder) / "s3", ROLES)
        try:
            s3 = S3(server.start())
            bucket = s3.bucket()
            for number, body in enumerate(objects(args.rows, args.columns)):
                s3.client().put_object(Bucket=bucket, Key=f"data/part-{number:02d}.parquet", Body=body)
            side = Side(s3, bucket, Path(folder), args.iterations)
            for number in range(args.repeats):
                bare.append(side.bare())
                ours.append(side.ours(number))
                print(f"{number + 1} of {args.repeats}: {bare[-1]} {ours[-1]}", file=sys.stderr, flush=True)
        finally:
            server.stop()
    print(table(summary(bare, ours)))
    if args.json:
        machine = {"cores": os.cpu_count(), "load": os.getloadavg(), "python": platform.python_version()}
        runs = {"bare": [asdict(b) for b in bare], "ours": [asdict(o) for o in ours]}
        args.json.write_text(
            json.dumps({"machine": machine, "size": vars(args) | {"json": None}, **runs}, indent=2) + "\n"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
