"""Where things lie in the pod of own code: the run folder, which the code shares, and ours, which it never sees."""

import os
from dataclasses import dataclass
from pathlib import Path

from perennial.api.records.contract import CHECKPOINT, OUTPUT, RUN_VARIABLE

PRIVATE_VARIABLE = "PERENNIAL_PRIVATE"


@dataclass(frozen=True)
class Places:
    """Both folders."""

    run: Path
    private: Path

    @property
    def output(self) -> Path:
        """What the code leaves."""
        return self.run / OUTPUT

    @property
    def checkpoint(self) -> Path:
        """What the code wants to find again if its pod ends."""
        return self.output / CHECKPOINT

    @property
    def handover(self) -> Path:
        """What `fetch` tells `agent` and `publish`; there as soon as the data is in place."""
        return self.private / "handover.json"

    @property
    def table(self) -> Path:
        """All rows, for `publish` alone."""
        return self.private / "rows.arrow"

    @property
    def progress(self) -> Path:
        """How far the containers of ours are."""
        return self.private / "progress.json"

    @property
    def published(self) -> Path:
        """There when nothing of the pod is worth saving any more."""
        return self.private / "published"


def places_of_environment() -> Places:
    """The folders of this pod.

    Raises:
        ValueError: a variable is not set.
    """
    try:
        found = Places(Path(os.environ[RUN_VARIABLE]), Path(os.environ[PRIVATE_VARIABLE]))
    except KeyError as absent:
        raise ValueError(f"the environment variable {absent} is not set; it names a folder of the pod") from None
    found.private.mkdir(parents=True, exist_ok=True)
    return found
