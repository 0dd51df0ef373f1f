"""Is the process still doing its work? A stopped watcher or a stuck event loop ends it, so that it starts afresh.

kopf does not restart a watcher, and a loop that is stuck cannot notice it itself: a thread does.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Mapping

from prometheus_client import Gauge

from perennial.kube.lease import end_process

log = logging.getLogger(__name__)

BEAT_SECONDS = 0.25
STUCK_SECONDS = 30.0
CHECK_SECONDS = 10.0

LAG = Gauge("perennial_loop_lag_seconds", "Longest time that the event loop was blocked, since the start.")


class Supervisor:
    """Watches over the event loop and kopf's watcher tasks."""

    def __init__(
        self,
        watchers: Mapping[str, str],
        *,
        stuck: float = STUCK_SECONDS,
        check: float = CHECK_SECONDS,
        end: Callable[[], None] = end_process,
    ):
        """
        Args:
            watchers: names of the tasks that must live, and what each of them watches.
            stuck: seconds without a heartbeat that end the process.
            check: seconds between looks at the watchers.
            end: how to end it.
        """
        self._watchers = watchers
        self._stuck = stuck
        self._check = check
        self._end = end
        self._beat_at = time.monotonic()
        self._lived: set[str] = set()
        self.longest_lag = 0.0

    async def run(self) -> None:
        """Beat, and look after the watchers, until cancelled."""
        stop = threading.Event()
        thread = threading.Thread(target=self._guard, args=(stop,), name="supervisor", daemon=True)
        self._beat_at = time.monotonic()
        thread.start()
        try:
            await self._beat()
        finally:
            stop.set()

    def alive(self) -> bool:
        """Whether the loop has beaten lately."""
        return time.monotonic() - self._beat_at < self._stuck

    def missing(self) -> list[str]:
        """What is not watched right now."""
        # A cancelled watcher of kopf may never end, and watches nothing.
        running = {task.get_name() for task in asyncio.all_tasks() if not task.done() and not task.cancelling()}
        self._lived |= running & self._watchers.keys()
        return sorted(what for name, what in self._watchers.items() if name not in running)

    def ended(self) -> list[str]:
        """What was watched and is no longer."""
        missing = set(self.missing())
        return sorted(self._watchers[name] for name in self._lived if self._watchers[name] in missing)

    async def _beat(self) -> None:
        checked = time.monotonic()
        before: list[str] = []
        while True:
            begun = time.monotonic()
            await asyncio.sleep(BEAT_SECONDS)
            self._beat_at = time.monotonic()
            self.longest_lag = max(self.longest_lag, self._beat_at - begun - BEAT_SECONDS)
            LAG.set(self.longest_lag)
            self.missing()  # takes note of what lives, if only for a moment
            if self._beat_at - checked < self._check:
                continue
            checked, ended = self._beat_at, self.ended()
            lasting = sorted(set(ended) & set(before))  # twice in a row: kopf is not just replacing it
            if lasting:
                log.critical("no longer watched: %s; the process ends and starts afresh", ", ".join(lasting))
                self._end()
            before = ended

    def _guard(self, stop: threading.Event) -> None:
        while not stop.wait(min(5.0, self._stuck / 2)):
            if not self.alive():
                log.critical("the event loop is stuck for %.0f s; the process ends", time.monotonic() - self._beat_at)
                self._end()
