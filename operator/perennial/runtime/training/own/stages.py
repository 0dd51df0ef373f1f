"""What surrounds the three containers: logs, progress, termination message, exit code, signals."""

import logging
import os
import signal
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from perennial.api.records.task import ExitCode, Outcome, Progress
from perennial.runtime.training import endings, pod, progress
from perennial.runtime.training.accounting import Accounting
from perennial.runtime.training.context import Context
from perennial.runtime.training.own.places import Places, places_of_environment
from perennial.runtime.training.run import context_of

Work = Callable[[Context, Places], tuple[ExitCode, Outcome]]


def main(arguments: list[str]) -> int:
    """Do the work of one container; the exit code."""
    name = arguments[0] if len(arguments) == 1 else ""
    runs: Mapping[str, Callable[[], int]] = {
        "fetch": lambda: _worked("fetch"),
        "publish": lambda: _worked("publish"),
        "agent": _watched,
    }
    if name not in runs:
        raise SystemExit(f"expected one of {', '.join(runs)}, got {' '.join(arguments) or 'nothing'}")
    return runs[name]()


def _work(name: str) -> Work:
    """The work of a container, imported when it is known: `fetch` needs no model, `agent` no table."""
    if name == "fetch":
        from perennial.runtime.training.own.before import before

        return before
    from perennial.runtime.training.own.after import after

    return after


def _worked(name: str) -> int:
    with TemporaryDirectory(prefix="perennial-") as folder:
        scratch = Path(folder)
        pod.log_to(scratch / pod.LOGS)
        accounting = Accounting()
        clock = progress.StageClock(accounting)
        try:
            places = places_of_environment()
            clock.listen(lambda now: _tell(places, now))
            context = context_of(pod.given_task(), scratch, pod.attempt_name(), clock, accounting)
            code, outcome = _work(name)(context, places)
        except Exception as error:
            code, outcome = endings.of_error(error, clock.stage)
        finally:
            accounting.stop()
        endings.write(outcome, Path(os.environ.get(pod.TERMINATION_LOG, pod.DEFAULT_TERMINATION_LOG)))
        logging.shutdown()
    return int(code)


def _tell(places: Places, now: Progress) -> None:
    unfinished = places.progress.with_suffix(".new")
    unfinished.write_bytes(now.to_json())
    os.replace(unfinished, places.progress)


def _watched() -> int:
    from perennial.runtime.training.own.agent import Agent, progress_of

    with TemporaryDirectory(prefix="perennial-") as folder:
        pod.log_to(Path(folder) / pod.LOGS)
        places = places_of_environment()
        agent = Agent(pod.given_task(), places, pod.attempt_name())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: agent.ending.set())
        port = int(os.environ.get(pod.PROGRESS_PORT, progress.PORT))
        with closing(pod.ProgressServer(lambda: progress_of(places), port)):
            agent.run()
    return int(ExitCode.OK)
