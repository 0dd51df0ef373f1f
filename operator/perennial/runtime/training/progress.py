"""Which stage a run is in, how long each took, and GET /progress and /metrics on the pod's port 9090.

Not for logs; those are `logging`'s.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from perennial.api.records.task import Progress
from perennial.runtime.training.accounting import Accounting

STAGES = ("resolve", "fetch", "validate", "split", "preprocess", "refine", "evaluate", "package", "publish")
SHARE = {"resolve": 2, "fetch": 12, "validate": 16, "split": 18, "preprocess": 22, "refine": 75, "evaluate": 88,
         "package": 96, "publish": 100}  # fmt: skip
"""Percent of a usual run that is done when a stage ends (flights, one month)."""

PORT = 9090
LOG = logging.getLogger("perennial.training")

Listener = Callable[[Progress], None]


class StageClock:
    """Where the run is. Written by the one training thread, read by the progress server."""

    def __init__(self, accounting: Accounting, listener: Listener | None = None) -> None:
        self.accounting = accounting
        self._listener = listener or (lambda _: None)
        self._current = Progress(stage=STAGES[0], percent=0)
        self.timings: dict[str, float] = {}

    @property
    def stage(self) -> str:
        """The stage that runs, or ran last."""
        return self._current.stage

    @contextmanager
    def running(self, stage: str) -> Iterator[None]:
        """Time one stage (wall seconds) and tell listeners of its start and end."""
        started = time.monotonic()
        LOG.info("stage %s", stage)
        index = STAGES.index(stage)
        self._tell(stage, SHARE[STAGES[index - 1]] if index else 0, "")
        yield
        self.timings[stage] = round(time.monotonic() - started, 3)
        self._tell(stage, SHARE[stage], "")

    def listen(self, listener: Listener) -> None:
        """Tell somebody else from now on."""
        self._listener = listener

    def within(self, done: float, message: str) -> None:
        """Report from inside a stage: `done` is its finished share, 0 to 1."""
        stage = self._current.stage
        index = STAGES.index(stage)
        start = SHARE[STAGES[index - 1]] if index else 0
        self._tell(stage, start + int((SHARE[stage] - start) * min(max(done, 0.0), 1.0)), message)

    def now(self) -> Progress:
        """What GET /progress answers."""
        return self._current.model_copy(update={"cost": self.accounting.cost()})

    def _tell(self, stage: str, percent: int, message: str) -> None:
        self._current = Progress(stage=stage, percent=percent, message=message)
        self._listener(self._current)


def serve(now: Callable[[], Progress], port: int = PORT) -> ThreadingHTTPServer:
    """Answer GET /progress (JSON) and /metrics (Prometheus text) from a thread, until `shutdown()`.

    Raises:
        OSError: the port is taken.
    """

    class Handler(BaseHTTPRequestHandler):
        """Two read-only pages."""

        def do_GET(self) -> None:
            """Answer one page."""
            body = _page(now(), self.path)
            self.send_response(200 if body else 404)
            self.send_header(
                "Content-Type", "application/json" if self.path == "/progress" else "text/plain; version=0.0.4"
            )
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Polls are no news."""

    server = ThreadingHTTPServer(("", port), Handler)
    Thread(target=server.serve_forever, name="progress", daemon=True).start()
    return server


def _page(now: Progress, path: str) -> bytes:
    """The body of a page; empty if there is none."""
    if path == "/progress":
        return now.to_json()
    return _exposition(now) if path == "/metrics" else b""


def _exposition(progress: Progress) -> bytes:
    lines = [
        "# HELP perennial_training_progress_ratio Share of the run that is done.",
        "# TYPE perennial_training_progress_ratio gauge",
        f'perennial_training_progress_ratio{{stage="{progress.stage}"}} {progress.percent / 100}',
    ]
    names = {"cpuSeconds": "cpu_seconds", "memoryGiBSeconds": "memory_gibibyte_seconds", "wallSeconds": "wall_seconds"}
    for key, name in names.items():
        if key in progress.cost:
            lines += [f"# TYPE perennial_training_{name}_total counter"]
            lines += [f"perennial_training_{name}_total {progress.cost[key]}"]
    return ("\n".join(lines) + "\n").encode()
