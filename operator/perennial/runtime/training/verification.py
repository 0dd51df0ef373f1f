"""Does a stored run come out again? Trains it once more in a registry of its own and compares."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from perennial.api.records.run import FrozenRequest, RunRecord
from perennial.api.records.task import ExitCode, Task
from perennial.runtime.training.accounting import Accounting
from perennial.runtime.training.failures import DataRefused, UserCodeFailed
from perennial.runtime.training.local import perform_locally
from perennial.runtime.training.progress import Listener, StageClock
from perennial.store import open_store
from perennial.store.errors import Corrupt, InvalidLocation, NotFound

RTOL = 1e-6
"""Other processors and thread counts round differently; more than this is another model."""

DECIDING = ("threads", "machine", "processor", "distributions", "python")
"""Parts of the environment under which the same run has the same bytes."""


@dataclass(frozen=True)
class Verification:
    """What came of training a run again."""

    run_digest: str
    same_artifact: bool
    metrics: dict[str, tuple[float, float]]  # name → recorded, now
    differing: list[str]  # metrics beyond rtol 1e-6
    environment: dict[str, tuple[Any, Any]]  # part → recorded, here; of what differs

    @property
    def passed(self) -> bool:
        """Bit-identical, or the same metrics at rtol 1e-6 in another environment."""
        return self.same_artifact or (bool(self.environment) and not self.differing)


def verify(run_uri: str, *, listener: Listener) -> Verification:
    """Train the run at `<registry>/<namespace>/<model>/runs/<digest>` again.

    Raises:
        StorageError: the run or its data cannot be read.
        TrainingFailure: it cannot be trained here, or its data has changed.
    """
    record, spec = _stored(run_uri.rstrip("/"))
    clock = StageClock(Accounting(in_pod=False), listener)
    with TemporaryDirectory(prefix="perennial-verify-") as folder:
        task = Task(
            namespace=record.namespace,
            model=record.model,
            training=record.model,
            uid="",
            registry=Path(folder).as_uri(),
            run_key=record.run_key,
            spec=spec,
            code_revision=record.code_revision,
        )
        ended = perform_locally(task, clock)
    if ended.finished is None:
        kind = DataRefused if ended.code == ExitCode.DATA_REFUSED else UserCodeFailed
        raise kind(f"{run_uri} cannot be trained again: {ended.outcome.message}", reason=ended.outcome.reason)
    again = ended.finished.record
    if again.data.digest != record.data.digest:
        raise DataRefused(
            f"the data of {run_uri} has changed: it was {record.data.digest} and is {again.data.digest}; "
            f"restore the objects to verify the run",
            reason="DigestMismatch",
        )
    return compared(record, again)


def compared(record: RunRecord, again: RunRecord) -> Verification:
    """The recorded run beside the repeated one."""
    metrics = {
        name: (measured.value, again.metrics[name].value)
        for name, measured in record.metrics.items()
        if name in again.metrics
    }
    lost = sorted(record.metrics.keys() - again.metrics.keys())
    differing = [name for name, (old, new) in metrics.items() if not np.isclose(old, new, rtol=RTOL, atol=0)]
    pairs = {part: (record.environment.get(part), again.environment.get(part)) for part in DECIDING}
    return Verification(
        run_digest=record.run_digest,
        same_artifact=record.artifact.digest == again.artifact.digest,
        metrics=metrics,
        differing=[*differing, *lost],
        environment={part: pair for part, pair in pairs.items() if pair[0] != pair[1]},
    )


def _stored(run_uri: str) -> tuple[RunRecord, dict[str, Any]]:
    if "/runs/" not in run_uri:
        raise InvalidLocation(f"{run_uri!r} is no run: expected <registry>/<namespace>/<model>/runs/<digest>")
    store = open_store(run_uri)
    try:
        record = RunRecord.from_json(store.get("run.json").body)
        return record, FrozenRequest.from_json(store.get("request.json").body).spec
    except NotFound:
        raise NotFound(f"there is no finished run at {run_uri}") from None
    except ValueError as error:
        raise Corrupt(f"{run_uri}: run.json or request.json cannot be read: {error}") from error
