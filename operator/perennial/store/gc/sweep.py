"""Carry a plan out. Ended half-way, the next plan holds what is left."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from perennial.store.gc.plan import Group, Plan
from perennial.store.objects import ObjectStore

AT_ONCE = 8
"""Requests under way: hides the latency of a store without crowding it."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What went (or would have gone) and what stayed after all."""

    removed: tuple[Group, ...]
    spared: tuple[Group, ...]  # a version was claimed meanwhile

    @property
    def bytes(self) -> int:
        """Size of what went."""
        return sum(group.bytes for group in self.removed)


def sweep(store: ObjectStore, what: Plan, *, dry_run: bool = False) -> Swept:
    """Remove a plan's groups, oldest first; with `dry_run` only tell.

    Raises:
        StorageError: storage did not answer or refused; what was removed is removed.
    """
    removed: list[Group] = []
    spared: list[Group] = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for group in what.groups:
            if group.unless and store.head(group.unless) is not None:
                spared.append(group)
                continue
            if not dry_run:
                _remove(store, group, pool)
            removed.append(group)
    return Swept(tuple(removed), tuple(spared))


def _remove(store: ObjectStore, group: Group, pool: ThreadPoolExecutor) -> None:
    """What makes a run exist goes first, one by one; the rest together."""
    keys = [o.key for o in group.objects]
    first = next((i + 1 for i, key in enumerate(keys) if key.endswith("/run.json")), 0)
    for key in keys[:first]:
        store.delete(key)
    list(pool.map(store.delete, keys[first:]))
