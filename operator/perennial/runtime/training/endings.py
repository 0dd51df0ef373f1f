"""How a run's end is told: exit code, JSON termination message of at most 4 KiB, and what goes only into the log."""

import logging
import traceback
from pathlib import Path

from perennial.api.records.task import ExitCode, Outcome
from perennial.runtime.training.failures import TrainingFailure
from perennial.store.errors import EmptyDataSet, InvalidLocation, StorageError

MOST_BYTES = 4096
"""What a kubelet keeps of a termination message."""

LOG = logging.getLogger("perennial.training")


def of_error(error: BaseException, stage: str) -> tuple[ExitCode, Outcome]:
    """Exit code and outcome of an exception; its traceback goes to the log alone."""
    if isinstance(error, TrainingFailure):
        kind = "Refused" if error.code == ExitCode.DATA_REFUSED else "Failed"
        LOG.error("%s: %s", error.reason, error)
        if error.__cause__ is not None:
            LOG.error("%s", "".join(traceback.format_exception(error)))
        return error.code, Outcome(outcome=kind, reason=error.reason, message=str(error), stage=stage)
    if isinstance(error, EmptyDataSet | InvalidLocation):
        LOG.error("%s", error)
        return ExitCode.DATA_REFUSED, Outcome(outcome="Refused", reason=error.reason, message=str(error), stage=stage)
    if isinstance(error, StorageError):
        LOG.error("storage: %s", error)
        return ExitCode.STORAGE, Outcome(outcome="Failed", reason=error.reason, message=str(error), stage=stage)
    LOG.error("internal error in stage %s\n%s", stage, "".join(traceback.format_exception(error)))
    text = f"internal error in stage {stage}: {type(error).__name__}: {error}; the log has the traceback"
    return ExitCode.INTERNAL, Outcome(outcome="Failed", reason="InternalError", message=text, stage=stage)


def write(outcome: Outcome, path: Path) -> None:
    """Leave the termination message where the kubelet reads it; a place that cannot be written is logged."""
    body = fitted(outcome)
    try:
        path.write_bytes(body)
    except OSError as error:
        LOG.warning("termination message not written to %s: %s; it was: %s", path, error, body.decode())


def fitted(outcome: Outcome) -> bytes:
    """The JSON of an outcome, its message shortened until it fits 4 KiB."""
    body = outcome.to_json()
    while len(body) > MOST_BYTES and outcome.message:
        surplus = len(body) - MOST_BYTES
        kept = max(0, len(outcome.message) - surplus - 1)
        outcome = outcome.model_copy(update={"message": outcome.message[:kept] + "…" if kept else ""})
        body = outcome.to_json()
    return body
