"""Beside the code: saves its checkpoints at intervals and when the pod has to end, and answers for its progress."""

import json
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event

from perennial.api.records.contract import OUTPUT, REPORTED_PROGRESS
from perennial.api.records.task import Progress, Task
from perennial.runtime.training.own.checkpoints import Saver, Shelf
from perennial.runtime.training.own.foreign_files import plain_bytes
from perennial.runtime.training.own.handover import Handover, read_handover
from perennial.runtime.training.own.places import Places
from perennial.runtime.training.progress import SHARE
from perennial.store import open_store
from perennial.store.errors import StorageError
from perennial.store.layout import ModelKeys

EVERY = 30.0
"""Seconds between two checkpoints at least."""
LOOK = 1.0
SETTLED = 15.0
"""After SIGTERM the code has so long for its next checkpoint; each one that comes starts the time anew."""
LONGEST = 270.0
"""Of the pod's grace of 300 seconds."""
MOST_PROGRESS = 64 * 1024
TRAIN = "train"
LOG = logging.getLogger("perennial.training")


@dataclass
class Agent:
    """The sidecar of one pod."""

    task: Task
    places: Places
    attempt: str
    every: float = EVERY
    clock: Callable[[], float] = time.monotonic
    ending: Event = field(default_factory=Event)  # set by SIGTERM

    def run(self) -> None:
        """Watch until the pod ends."""
        told = self._handover()
        if told is None:
            return
        shelf = Shelf(open_store(self.task.registry), ModelKeys(self.task.namespace, self.task.model), told.run_digest)
        saver = Saver(shelf, self.places, self.attempt, saved=told.restored)
        last = self.clock()
        while not self.ending.wait(LOOK):
            if self.clock() - last >= self.every and attempted(saver):
                last = self.clock()
        self._settle(saver)

    def _handover(self) -> Handover | None:
        while (told := read_handover(self.places)) is None:
            if self.ending.wait(LOOK):
                return None
        return told

    def _settle(self, saver: Saver) -> None:
        """Save what is there, then what the code still writes as it is told to end."""
        began = quiet = self.clock()
        while not self.places.published.exists():
            now = self.clock()
            if attempted(saver):
                quiet = now
            if now - quiet >= SETTLED or now - began >= LONGEST:
                return
            time.sleep(LOOK)


def attempted(saver: Saver) -> bool:
    """Save; storage that does not answer costs this checkpoint, not the run."""
    try:
        return saver.save()
    except StorageError as error:
        LOG.warning("a checkpoint could not be saved: %s", error)
        return False


def progress_of(places: Places) -> Progress:
    """How far the pod is: our own containers by their stages, the code by its progress.json."""
    try:
        ours = Progress.from_json(places.progress.read_bytes())
    except (OSError, ValueError):
        ours = Progress(stage="resolve", percent=0)
    if ours.stage != "preprocess" or read_handover(places) is None:
        return ours
    percent, message = _reported(places)
    start, end = SHARE["preprocess"], SHARE["refine"]
    return Progress(stage=TRAIN, percent=start + round((end - start) * percent / 100), message=message)


def _reported(places: Places) -> tuple[float, str]:
    """`{"percent": 0 to 100, "message": …}` of the code; anything else says nothing."""
    try:
        told = json.loads(plain_bytes(places.run, OUTPUT, REPORTED_PROGRESS, most=MOST_PROGRESS) or b"{}")
        percent = float(told.get("percent", 0))
        return min(max(percent if math.isfinite(percent) else 0.0, 0.0), 100.0), str(told.get("message", ""))[:200]
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return 0.0, ""
