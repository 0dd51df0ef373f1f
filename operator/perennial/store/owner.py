"""Whose registry a namespace's prefix is: the first to write _owner.json, until a person deletes that record."""

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
    return _checked(store, found.record, wanted)


def check_owner(store: ObjectStore, wanted: OwnerRecord) -> OwnerRecord:
    """Make sure that the registry of `wanted.namespace` is ours already; claims nothing.

    Raises:
        StorageOwnedByOther: it is somebody else's, or nobody's.
    """
    found = files.read(store, owner(wanted.namespace), OwnerRecord)
    if found is None:
        raise StorageOwnedByOther(
            f"{store.uri}/{owner(wanted.namespace)} does not exist: no operator has used this registry for namespace "
            f"{wanted.namespace}; expected the registry of the chart's values"
        )
    return _checked(store, found.record, wanted)


def _checked(store: ObjectStore, there: OwnerRecord, wanted: OwnerRecord) -> OwnerRecord:
    if (there.cluster, there.namespace_uid) == (wanted.cluster, wanted.namespace_uid):
        return there
    whose = "another cluster" if there.cluster != wanted.cluster else "a former namespace of that name"
    raise StorageOwnedByOther(
        f"{store.uri}/{owner(wanted.namespace)} says that this registry is of {whose} (cluster {there.cluster}, "
        f"namespace UID {there.namespace_uid}), expected cluster {wanted.cluster}, namespace UID "
        f"{wanted.namespace_uid}; if it shall go on here because the other is gone for good, delete that object"
    )
