"""_owner.json: whose registry the objects under a namespace's prefix are."""

from perennial.api.records.record import Record


class OwnerRecord(Record):
    """One namespace of one cluster. A namespace that was deleted and made again is another owner."""

    cluster: str  # UID of the namespace kube-system, which stands for the cluster
    namespace: str
    namespace_uid: str
    since: str = ""  # ISO 8601, UTC
