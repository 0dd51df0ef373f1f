"""A trainer pod without a cluster: the container's command as a process, its data and registry in a real S3 server."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from perennial.api.identities import run_key
from perennial.api.records.run import RunRecord
from perennial.api.records.task import ExitCode, Outcome, Task
from perennial.api.training import ModelTrainingSpec
from perennial.store import ObjectStore, open_store
from perennial.store.registry import Registry
from tests.support.s3 import S3

HIST = "sklearn.ensemble.HistGradientBoostingClassifier"
SMALL = {"estimator": HIST, "parameters": {"max_iter": 20, "min_samples_leaf": 5}}
NAMESPACE = "team"


@dataclass(frozen=True)
class Ended:
    """A pod that has ended."""

    code: int
    outcome: Outcome
    log: str


@dataclass
class Trainer:
    """A bucket, and pods that train on it."""

    env: dict[str, str]
    bucket: str
    folder: Path
    warm: Callable[[dict[str, str], Path], int] | None = None
    store: ObjectStore = field(init=False)

    def __post_init__(self) -> None:
        self.store = open_store(f"s3://{self.bucket}", self.env)

    def put(self, key: str, body: bytes) -> None:
        """Data below s3://<bucket>/data/."""
        self.store.put(f"data/{key}", body)

    def spec(self, *, data: dict[str, Any] | None = None, algorithm: dict[str, Any] | None = None, **rest: Any) -> Any:
        """A spec over everything that was `put`."""
        base = {"train": {"uri": f"s3://{self.bucket}/data/"}, "target": "y"}
        return {"data": base | (data or {}), "algorithm": algorithm or SMALL, **rest}

    def task(self, spec: dict[str, Any], *, model: str = "m", **fields: Any) -> Task:
        """The task of a ModelTraining with this spec."""
        key = run_key(ModelTrainingSpec.model_validate(spec).normalised(), model=model)
        return Task(
            namespace=NAMESPACE, model=model, training=model, uid="u", registry=f"s3://{self.bucket}/registry",
            run_key=key, spec=spec, **fields,
        )  # fmt: skip

    def run(self, task: Task, *, env: dict[str, str] | None = None) -> Ended:
        """Run a pod to its end, forked from a warm process if there is one, else by the container's command."""
        told = self.folder / f"termination-{uuid4()}"
        pod = {
            **os.environ, **self.env,
            "PERENNIAL_TASK": task.to_json().decode(),
            "PERENNIAL_TERMINATION_LOG": str(told),
            "PERENNIAL_PROGRESS_PORT": "0",
            "POD_UID": str(uuid4()),
            **(env or {}),
        }  # fmt: skip
        log = told.with_suffix(".log")
        code = self.warm(pod, log) if self.warm else command(pod, log)
        assert told.exists(), log.read_text()
        return Ended(code, Outcome.from_json(told.read_bytes()), log.read_text())

    def train(self, spec: dict[str, Any], **fields: Any) -> Ended:
        """Run a pod for this spec."""
        return self.run(self.task(spec, **fields))

    def record(self, ended: Ended, *, model: str = "m") -> RunRecord:
        """run.json of what a pod made."""
        assert ended.code == ExitCode.OK, ended.outcome
        assert ended.outcome.run_digest is not None
        found = Registry(open_store(f"s3://{self.bucket}/registry", self.env), NAMESPACE, model).runs.read(
            ended.outcome.run_digest
        )
        assert found is not None
        return found

    def file(self, record: RunRecord, name: str) -> bytes:
        """A stored file of a run."""
        return self.store.get(f"registry/{record.namespace}/{record.model}/{record.files[name].key}").body


def command(env: dict[str, str], log: Path) -> int:
    """The container's command to its end; its exit code."""
    with log.open("wb") as out:
        ended = subprocess.run(
            [sys.executable, "-m", "perennial.runtime.training"], env=env, stderr=out, timeout=280, check=False
        )
    return ended.returncode


@pytest.fixture
def cold_trainer(s3: S3, tmp_path: Path) -> Trainer:
    """An empty bucket with pods that run the container's command."""
    return Trainer(s3.env(), s3.bucket(), tmp_path)


@pytest.fixture
def trainer(s3: S3, tmp_path: Path, warm: Callable[[dict[str, str], Path], int]) -> Trainer:
    """An empty bucket with pods that start warm."""
    return Trainer(s3.env(), s3.bucket(), tmp_path, warm)


@pytest.fixture(scope="session")
def warm() -> Iterator[Callable[[dict[str, str], Path], int]]:
    """Forks pods from one process that has imported the trainer; see `warm.py`."""
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.integration.training.warm"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def run(env: dict[str, str], log: Path) -> int:
        assert server.stdin is not None
        assert server.stdout is not None
        print(json.dumps({"env": env, "log": str(log)}), file=server.stdin, flush=True)
        return int(json.loads(server.stdout.readline())["code"])

    yield run
    server.stdin.close()
    server.wait()
    server.stdout.close()


def csv(rows: int, columns: dict[str, Callable[[int], object]]) -> bytes:
    """A CSV of computed columns."""
    lines = [",".join(columns)] + [",".join(str(make(i)) for make in columns.values()) for i in range(rows)]
    return ("\n".join(lines) + "\n").encode()


def as_json(body: bytes) -> Any:
    """Parsed JSON."""
    return json.loads(body)
