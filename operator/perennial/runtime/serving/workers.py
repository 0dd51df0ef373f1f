"""More than one worker: a light parent that forks them, starts a dead one again, and passes signals on.

The parent holds the listening socket and the shared cells; it imports no model library and answers no request.
"""

import contextlib
import os
import signal
import time
from collections.abc import Callable
from types import FrameType

from perennial.runtime.serving.logs import log

RESTART_PAUSE = 1.0
"""Before a worker that died is started again."""

FAST_DEATHS = 5
"""Workers that die within a few seconds of their start so often in a row: the pod ends, and the kubelet takes over."""

FAST = 10.0


class Supervisor:
    """The parent of the workers.

    Args:
        count: how many.
        work: what worker number n does; returns its exit code.
        final: exit codes after which nothing is started again.
    """

    def __init__(self, count: int, work: Callable[[int], int], final: frozenset[int]) -> None:
        self._count = count
        self._work = work
        self._final = final
        self._pids: dict[int, tuple[int, float]] = {}  # pid → worker, started
        self._ending = False
        self._fast_deaths = 0

    def run(self) -> int:
        """Until every worker has ended; the worst of their last exit codes."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        for worker in range(self._count):
            self._start(worker)
        code = 0
        while self._pids:
            pid, status = self._wait()
            if pid in self._pids:
                code = max(code, self._ended(pid, os.waitstatus_to_exitcode(status)))
        return code

    def _wait(self) -> tuple[int, int]:
        try:
            return os.wait()
        except ChildProcessError:
            self._pids.clear()
            return 0, 0

    def _start(self, worker: int) -> None:
        pid = os.fork()
        if pid == 0:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            os._exit(self._work(worker))
        self._pids[pid] = (worker, time.monotonic())

    def _ended(self, pid: int, code: int) -> int:
        worker, started = self._pids.pop(pid)
        if self._ending:
            return max(code, 0)
        log("a worker ended", level=40, worker=worker, exit_code=code)
        self._fast_deaths = self._fast_deaths + 1 if time.monotonic() - started < FAST else 0
        if code in self._final or self._fast_deaths >= FAST_DEATHS:
            self._end(signal.SIGTERM, None)
            return code if code > 0 else 1
        time.sleep(RESTART_PAUSE)
        if not self._ending:
            self._start(worker)
        return 0

    def _end(self, number: int, frame: FrameType | None) -> None:
        self._ending = True
        for pid in list(self._pids):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
