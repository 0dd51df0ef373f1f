"""What surrounds a task in a pod: logs, progress server, scratch, termination message, exit code."""

import logging
import os
import sys
import uuid
import warnings
from collections.abc import Callable
from contextlib import closing
from http.server import ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import ValidationError

from perennial.api.records.task import ExitCode, Outcome, Progress, Task
from perennial.runtime.training import endings, progress
from perennial.runtime.training.accounting import Accounting
from perennial.runtime.training.tasks import perform

TASK = "PERENNIAL_TASK"
TERMINATION_LOG = "PERENNIAL_TERMINATION_LOG"
PROGRESS_PORT = "PERENNIAL_PROGRESS_PORT"
DEFAULT_TERMINATION_LOG = "/dev/termination-log"
LOGS = "logs.txt"
LOG = logging.getLogger("perennial.training")


def main() -> int:
    """Do the task of this pod; the exit code."""
    with TemporaryDirectory(prefix="perennial-") as folder:
        scratch = Path(folder)
        log_to(scratch / LOGS)
        code, outcome = _attempt(scratch)
        endings.write(outcome, Path(os.environ.get(TERMINATION_LOG, DEFAULT_TERMINATION_LOG)))
        logging.shutdown()
    return int(code)


def _attempt(scratch: Path) -> tuple[ExitCode, Outcome]:
    accounting = Accounting()
    clock = progress.StageClock(accounting)
    try:
        task = given_task()
        port = int(os.environ.get(PROGRESS_PORT, progress.PORT))
        with closing(ProgressServer(clock.now, port)):
            return ExitCode.OK, perform(
                task, scratch=scratch, attempt=attempt_name(), clock=clock, accounting=accounting
            )
    except Exception as error:
        code, outcome = endings.of_error(error, clock.stage)
        return code, outcome.model_copy(update={"cost": accounting.cost()})
    finally:
        accounting.stop()


class ProgressServer:
    """The progress server with a `close`; a port that is taken costs the progress, not the run."""

    def __init__(self, now: Callable[[], Progress], port: int) -> None:
        self._server: ThreadingHTTPServer | None = None
        try:
            self._server = progress.serve(now, port)
        except OSError as error:
            LOG.warning("progress is not served on port %s: %s", port, error)

    def close(self) -> None:
        """End the server."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


def given_task() -> Task:
    """The task in the environment.

    Raises:
        ValueError: there is none, or it is no task.
    """
    try:
        return Task.from_json(os.environ[TASK])
    except KeyError:
        raise ValueError(f"the environment variable {TASK} is not set; it holds the task as JSON") from None
    except ValidationError as error:
        raise ValueError(f"{TASK} is no task: {error.errors(include_url=False)[0]}") from error


def attempt_name() -> str:
    """UID of the pod; elsewhere a name of this process."""
    return os.environ.get("POD_UID") or f"local-{uuid.uuid4()}"


def log_to(path: Path, *, stderr: bool = True) -> None:
    """Log lines to a file that is stored with the run, and to stderr."""
    form = logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s")
    handlers: list[logging.Handler] = [logging.FileHandler(path)]
    if stderr:
        handlers.append(logging.StreamHandler(sys.stderr))
    for handler in handlers:
        handler.setFormatter(form)
    logging.basicConfig(level=logging.INFO, handlers=handlers, force=True)
    logging.captureWarnings(capture=True)
    warnings.simplefilter("default")
    for chatty in ("botocore", "boto3", "urllib3", "s3transfer", "matplotlib", "optuna"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
