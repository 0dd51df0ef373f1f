"""Counters in shared memory: one row of 64-bit cells a worker process, so that any worker can answer for all of them.

The layout is fixed before the workers start; a hot-path increment is one indexed addition.
"""

import mmap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

CELL = 8  # bytes


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each named section lies in a worker's row: name → (offset, shape)."""

    sections: Mapping[str, tuple[int, tuple[int, ...]]]
    size: int

    @classmethod
    def of(cls, shapes: Mapping[str, tuple[int, ...]]) -> "Layout":
        """Lay sections out one after another."""
        sections = {}
        offset = 0
        for name, shape in shapes.items():
            sections[name] = (offset, shape)
            offset += int(np.prod(shape, dtype=np.int64))
        return cls(sections, offset)


class Cells:
    """The cells of all workers of a pod. Created before forking; `worker` is set in each of them.

    Args:
        layout: the sections.
        workers: number of rows.
    """

    def __init__(self, layout: Layout, workers: int = 1) -> None:
        self.layout = layout
        self.workers = workers
        self._memory = mmap.mmap(-1, max(layout.size, 1) * CELL * workers)  # anonymous and shared with forked workers
        self._all = np.frombuffer(self._memory, dtype=np.int64).reshape(workers, -1)
        self.attach(0)

    def attach(self, worker: int) -> None:
        """Say which row this process writes."""
        self.worker = worker
        start = worker * self.layout.size
        self.mine = memoryview(self._memory).cast("q")[start : start + self.layout.size]

    def offset(self, section: str) -> int:
        """Index of a section's first cell in `mine`."""
        return self.layout.sections[section][0]

    def view(self, section: str) -> np.ndarray[Any, Any]:
        """This worker's cells of a section, writable, in its shape."""
        mine: np.ndarray[Any, Any] = self._part(section)[self.worker]
        return mine

    def rows(self, section: str) -> np.ndarray[Any, Any]:
        """Every worker's cells of a section: [workers, *shape]."""
        return self._part(section)

    def total(self, section: str) -> np.ndarray[Any, Any]:
        """A section's sum over all workers, in its shape."""
        total: np.ndarray[Any, Any] = self._part(section).sum(axis=0)
        return total

    def clear(self, *sections: str) -> None:
        """Set this worker's cells of some sections to zero."""
        for section in sections:
            self.view(section)[...] = 0

    def _part(self, section: str) -> np.ndarray[Any, Any]:
        offset, shape = self.layout.sections[section]
        size = int(np.prod(shape, dtype=np.int64))
        part: np.ndarray[Any, Any] = self._all[:, offset : offset + size].reshape(self.workers, *shape)
        return part

    def __iter__(self) -> Iterator[str]:
        return iter(self.layout.sections)
