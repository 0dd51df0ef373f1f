"""Whose registry a namespace's prefix is: the first to write _owner.json, until somebody takes it over on purpose."""

from perennial.api.records.owner import OwnerRecord
from perennial.store import files
from perennial.store.errors import StorageOwnedByOther
from perennial.store.layout import owner
from perennial.store.objects import ObjectStore


def claim_owner(store: ObjectStore, wanted: OwnerRecord) -> OwnerRecord:
    """Make sure that the registry of `wanted.namespace` is ours; the first to ask gets it.

    Raises:
        StorageOwnedByOther: it is another cluster's, or was made by a former namespace of that name.
    """
    key = owner(wanted.namespace)
    if files.create(store, key, wanted.to_json()):
        return wanted
    found = files.read(store, key, OwnerRecord)
    if found is None:
        return claim_owner(store, wanted)
    if _same(found.record, wanted):
        return found.record
    there = found.record
    whose = "another cluster" if there.cluster != wanted.cluster else "a former namespace of that name"
    raise StorageOwnedByOther(
        f"{store.uri}/{key} says that this registry is of {whose} (cluster {there.cluster}, namespace UID "
        f"{there.namespace_uid}), expected cluster {wanted.cluster}, namespace UID {wanted.namespace_uid}; if it "
        f"shall go on here because the other is gone for good, delete that object"
    )


def take_over(store: ObjectStore, wanted: OwnerRecord) -> OwnerRecord:
    """Make the registry ours whoever owned it. For a person who knows that the former owner is gone."""

    def change(now: OwnerRecord) -> OwnerRecord:
        if _same(now, wanted):
            return now
        return wanted.model_copy(update={"former": [*now.former, f"{now.cluster}/{now.namespace_uid}"]})

    if files.create(store, owner(wanted.namespace), wanted.to_json()):
        return wanted
    return files.update(store, owner(wanted.namespace), OwnerRecord, change)


def _same(one: OwnerRecord, other: OwnerRecord) -> bool:
    return (one.cluster, one.namespace_uid) == (other.cluster, other.namespace_uid)
