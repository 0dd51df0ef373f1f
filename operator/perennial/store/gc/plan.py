"""Which objects go: pure, from an inventory, what lives, and the store's own time. Removes nothing.

A run goes as a whole, and only when its newest object is old enough: so one that is being made is never torn.
Version records stay, the Abandoned too, so that no number is given twice.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from perennial.store.gc.inventory import Inventory, Live, ModelInventory, RunInventory
from perennial.store.layout import ModelKeys
from perennial.store.objects import ObjectInfo

YOUNGEST = timedelta(days=7)
"""Nothing younger goes, whatever else is said."""
WINDOWS_KEPT = timedelta(days=35)
"""Five weeks: drift limits look back four full ones."""
PAYLOADS_KEPT = timedelta(days=30)
"""Where the ModelDeployment is gone, so that its `monitoring.payloads.keep` is unknown."""
LOGS_KEPT = WINDOWS_KEPT
SCORES_KEPT = WINDOWS_KEPT
"""Beyond `monitoring.labels.delay`: a cohort that waits for enough labels is judged well before."""


@dataclass(frozen=True, slots=True)
class Group:
    """Objects that go together, in the order in which they go."""

    what: str
    why: str
    objects: tuple[ObjectInfo, ...]
    unless: str = ""  # a key: if it exists when the time comes, the group stays

    @property
    def bytes(self) -> int:
        """Size of all objects."""
        return sum(o.size for o in self.objects)

    @property
    def newest(self) -> datetime:
        """When the last of them was written, by the store's clock."""
        return max(o.last_modified for o in self.objects if o.last_modified)


@dataclass(frozen=True, slots=True)
class Plan:
    """What goes, oldest first."""

    namespace: str
    groups: tuple[Group, ...]


def plan(inventory: Inventory, live: Live, now: datetime) -> Plan:
    """Decide what goes.

    Args:
        inventory: what was found.
        live: what Kubernetes objects refer to; read after the inventory was.
        now: the store's clock (`ObjectStore.clock`).
    """
    found: list[Group] = []
    for model in inventory.models:
        found += _of_runs(ModelKeys(inventory.namespace, model.model), model, live)
        logs = (o for o in model.logs if _all_before((o,), now - LOGS_KEPT))
        found += [Group(f"log {o.key}", f"older than {LOGS_KEPT.days} days", (o,)) for o in logs]
    found += _by_folder(inventory.windows, "window", f"older than {WINDOWS_KEPT.days} days", now - WINDOWS_KEPT)
    found += _payloads(inventory.payloads, live, now)
    found += _scores(inventory.scores, live, now)
    found += [Group(f"probe {o.key}", "left by a process that ended", (o,)) for o in inventory.probes]
    old = (group for group in (_spared(g, live) for g in found) if group and _all_before(group.objects, now - YOUNGEST))
    return Plan(inventory.namespace, tuple(sorted(old, key=lambda g: (g.newest, g.what))))


def _of_runs(keys: ModelKeys, model: ModelInventory, live: Live) -> Iterator[Group]:
    for run in model.runs:
        if run.digest in model.referred or run.digest in live.runs:
            if run.attempt:
                yield from _leftovers(keys, run)
        elif model.model not in live.working or _is_finished(keys, run):
            yield _whole_run(keys, run)


def _is_finished(keys: ModelKeys, run: RunInventory) -> bool:
    return any(o.key == keys.run(run.digest) for o in run.objects)


def _whole_run(keys: ModelKeys, run: RunInventory) -> Group:
    """Pointers first, then run.json: whoever looks meanwhile finds no run rather than half of one."""
    run_json = keys.run(run.digest)
    ordered = sorted(run.objects, key=lambda o: o.key != run_json)
    return Group(
        what=f"run {run.digest} of {keys.prefix}",
        why="no version, alias or live object refers to it",
        objects=(*run.pointers, *ordered, *run.evaluations),
        unless=keys.version_of_run(run.digest),
    )


def _leftovers(keys: ModelKeys, run: RunInventory) -> Iterator[Group]:
    """Of a finished run that stays: attempts that did not win, and checkpoints."""
    winner = keys.attempt(run.digest, run.attempt)
    attempts = keys.run_folder(run.digest) + "attempts/"
    lost = [o for o in run.objects if o.key.startswith(attempts) and not o.key.startswith(winner)]
    lost += [o for o in run.objects if o.key.startswith(keys.checkpoint(run.digest))]
    if lost:
        yield Group(f"leftovers of run {run.digest} of {keys.prefix}", f"attempt {run.attempt} won", tuple(lost))


def _payloads(objects: Iterable[ObjectInfo], live: Live, now: datetime) -> Iterator[Group]:
    for deployment, own in _by_deployment(objects):
        kept = live.payloads_kept.get(deployment, PAYLOADS_KEPT)
        yield from _by_folder(own, "payloads", f"older than {kept.days} days", now - kept)


def _scores(objects: Iterable[ObjectInfo], live: Live, now: datetime) -> Iterator[Group]:
    for deployment, own in _by_deployment(objects):
        kept = live.labels_delay.get(deployment, timedelta(0)) + SCORES_KEPT
        yield from _by_folder(own, "scores", f"older than {kept.days} days", now - kept)


def _by_deployment(objects: Iterable[ObjectInfo]) -> Iterator[tuple[str, Iterator[ObjectInfo]]]:
    yield from groupby(sorted(objects, key=lambda o: o.key), key=lambda o: o.key.split("/")[2])


def _by_folder(objects: Iterable[ObjectInfo], what: str, why: str, before: datetime) -> Iterator[Group]:
    """The folders (slots) of which every object was written before a time."""
    ordered = sorted(objects, key=lambda o: o.key)
    for folder, own in groupby(ordered, key=lambda o: o.key.rpartition("/")[0]):
        together = tuple(own)
        if _all_before(together, before):
            yield Group(f"{what} {folder}", why, together)


def _spared(group: Group, live: Live) -> Group | None:
    """A group that holds a key that something live names stays whole."""
    return None if any(o.key in live.keys for o in group.objects) else group


def _all_before(objects: Iterable[ObjectInfo], time: datetime) -> bool:
    """Whether all were written before; an object without a time is never old."""
    return all(o.last_modified is not None and o.last_modified < time for o in objects)
