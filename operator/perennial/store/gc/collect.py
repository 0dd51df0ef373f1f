"""Look at everything of a namespace: objects first, then what refers to them, so that a new reference is never missed.

Reads only small JSON. A record that cannot be read stops the look: what it refers to is not known.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from perennial.api.identities import bare
from perennial.api.records.run import RunPointer
from perennial.store import files
from perennial.store.gc.inventory import Inventory, ModelInventory, RunInventory
from perennial.store.layout import SCORES, ModelKeys
from perennial.store.objects import ObjectInfo, ObjectStore
from perennial.store.probe import PROBES
from perennial.store.registry import Registry

type Objects = list[ObjectInfo]


def collect(store: ObjectStore, namespace: str) -> Inventory:
    """The inventory of a namespace.

    Raises:
        Corrupt: a version, alias, pointer or run record cannot be read; nothing may be removed then.
        StorageError: storage did not answer.
    """
    places: dict[str, Objects] = defaultdict(list)
    for info in store.list(f"{namespace}/"):
        place = info.key.removeprefix(f"{namespace}/").partition("/")
        if place[1]:  # the owner's file lies beside the folders
            places[place[0]].append(info)
    windows, payloads = places.pop("_windows", []), places.pop("_payloads", [])
    return Inventory(
        namespace,
        models=tuple(_model(Registry(store, namespace, name), store, found) for name, found in sorted(places.items())),
        windows=_below(4, windows),
        payloads=_below(4, payloads),
        scores=tuple(o for o in _below(5, payloads) if o.key.split("/")[4] == SCORES),
        probes=tuple(store.list(PROBES)),
    )


def _below(folders: int, objects: Objects) -> tuple[ObjectInfo, ...]:
    """Those in `<namespace>/_windows/<UID>/<artifact>/<slot>/<file>` or its like; others are not ours to judge."""
    return tuple(o for o in objects if o.key.count("/") == folders + 1)


def _model(registry: Registry, store: ObjectStore, objects: Objects) -> ModelInventory:
    keys = registry.keys
    referred = _referred(registry)
    folders = _by_digest(keys.runs, objects)
    verdicts = _by_digest(keys.evaluations, objects)
    pointers = _pointers(store, keys, folders.pop("keys", []))
    digests = sorted({*folders, *verdicts, *pointers})
    return ModelInventory(
        keys.model,
        runs=tuple(
            RunInventory(
                digest=f"sha256:{digest}",
                objects=tuple(folders.get(digest, ())),
                evaluations=tuple(verdicts.get(digest, ())),
                pointers=tuple(pointers.get(digest, ())),
                attempt=_winner(registry, digest, folders.get(digest, ())) if f"sha256:{digest}" in referred else "",
            )
            for digest in digests
        ),
        referred=referred,
        logs=tuple(o for o in objects if o.key.startswith(f"{keys.prefix}logs/")),
    )


def _referred(registry: Registry) -> frozenset[str]:
    versions = (v.run_digest for v in registry.versions.all() if v.state != "Abandoned")
    aliases = (registry.aliases.read(name) for name in ("approved", "champion"))
    return frozenset({*versions, *(alias.run_digest for alias in aliases if alias)})


def _by_digest(above: str, objects: Objects) -> dict[str, Objects]:
    """Objects below a folder by the name of the folder right below it."""
    found: dict[str, Objects] = defaultdict(list)
    for info in objects:
        name, inside, _ = info.key.removeprefix(above).partition("/")
        if info.key.startswith(above) and inside:
            found[name].append(info)
    return found


def _pointers(store: ObjectStore, keys: ModelKeys, objects: Objects) -> dict[str, Objects]:
    found: dict[str, Objects] = defaultdict(list)
    for info in objects:
        if pointer := files.read(store, info.key, RunPointer):
            found[bare(pointer.record.run_digest)].append(info)
    return found


def _winner(registry: Registry, digest: str, objects: Iterable[ObjectInfo]) -> str:
    """The winning attempt of a finished run, if there is anything beside it that could go; else empty."""
    keys = registry.keys
    below = [o.key.removeprefix(keys.run_folder(digest)) for o in objects]
    attempts = set(_second(key for key in below if key.startswith("attempts/")))
    if len(attempts) < 2 and not any(key.startswith("checkpoint/") for key in below):
        return ""
    record = registry.runs.read(digest)
    return record.attempt if record else ""


def _second(keys: Iterable[str]) -> Iterator[str]:
    return (key.split("/")[1] for key in keys)
