"""Follows plan.json: a new plan is in force within a second of the file's change, an unreadable one never is."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pydantic

from perennial.api.records.server import RolloutPlan
from perennial.runtime.serving.logs import log

POLL_SECONDS = 0.5
"""A stat of one file; cheaper than an inotify descriptor and blind to nothing (a ConfigMap swaps a symbolic link)."""


class PlanFile:
    """The last good plan of a file.

    Args:
        path: plan.json; absent is fine and means: no rollout.
        on_plan: called with each plan that comes into force, and once with the first.
        on_error: called for each content that cannot be read.
    """

    def __init__(self, path: Path, on_plan: Callable[[RolloutPlan], None], on_error: Callable[[], None]) -> None:
        self._path = path
        self._on_plan = on_plan
        self._on_error = on_error
        self._seen: tuple[int, ...] | None = None
        self.plan = RolloutPlan()
        self.seen_at = ""

    def start(self) -> None:
        """Take what is there, or the empty plan."""
        if not self.look():
            self._take(RolloutPlan())

    def look(self) -> bool:
        """Read the file if it changed. True when a plan came into force."""
        mark = self._mark()
        if mark == self._seen:
            return False
        self._seen = mark
        if mark is None:
            self._take(RolloutPlan())
            return True
        try:
            plan = RolloutPlan.from_json(self._path.read_bytes())
        except (OSError, pydantic.ValidationError) as error:
            self._on_error()
            log("the rollout plan cannot be read; the last good one stays in force", level=40, error=_first(error))
            return False
        self._take(plan)
        return True

    def _mark(self) -> tuple[int, ...] | None:
        try:
            stat = os.stat(self._path)
        except OSError:
            return None
        return stat.st_ino, stat.st_mtime_ns, stat.st_size

    def _take(self, plan: RolloutPlan) -> None:
        self.plan = plan
        self.seen_at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._on_plan(plan)
        log("rollout plan in force", rollout=plan.rollout, weight=plan.weight, candidate=plan.candidate_version)


def _first(error: Exception) -> str:
    if isinstance(error, pydantic.ValidationError):
        one = error.errors(include_input=False, include_url=False)[0]
        return f"{'.'.join(str(p) for p in one['loc']) or 'plan.json'}: {one['msg']}"
    return str(error)
