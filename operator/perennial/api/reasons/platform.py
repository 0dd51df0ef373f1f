"""Reasons that any of the three kinds can have: the spec, ownership, storage, the cluster."""

from perennial.api.reasons.entry import Topic

_t = Topic("Any object")

SPEC_INVALID = _t.warning(
    "SpecInvalid",
    "The spec contradicts itself, names something that does not exist, or does not fit the data.",
    "The message names the field, what came and what was expected: edit the field.",
)
NOT_SUPPORTED = _t.warning(
    "NotSupported",
    "The spec asks for something that this release cannot do yet.",
    "The message says what to use instead.",
)
SUSPENDED = _t.fine("Suspended", "spec.suspend is true: nothing new is started.", "Set spec.suspend to false to go on.")
MANAGED_ELSEWHERE = _t.fine(
    "ManagedElsewhere", "spec.managedBy names another controller, so this operator keeps its hands off."
)
NOT_OWNED = _t.warning(
    "NotOwned",
    "An object with the name of a child exists and was not made by this object; it is never taken over.",
    "Delete or rename that object, or rename this one.",
)
NAMESPACE_TERMINATING = _t.fine("NamespaceTerminating", "The namespace is being deleted: nothing new is made in it.")
FORBIDDEN = _t.warning(
    "Forbidden",
    "The API server refused a request of the operator.",
    "The message names the verb and resource: a quota, an admission policy or missing RBAC; an upgrade of the chart "
    "brings the roles up to date.",
)
CHILD_REFUSED = _t.warning(
    "ChildRefused",
    "The API server refused an object that was to be made, most often because of spec.template.",
    "The message holds the server's words: correct the field it names.",
)
STORAGE_UNAVAILABLE = _t.warning(
    "StorageUnavailable",
    "Object storage did not answer, or answered with an error that may pass.",
    "It is tried again by itself. If it lasts: is the endpoint of the chart's values right, is the server up?",
)
STORAGE_ACCESS_MISSING = _t.warning(
    "StorageAccessMissing",
    "The namespace has no credentials for object storage, or storage refused them.",
    "Add the namespace to storage.tenants in the chart's values, or create the accounts and Secrets that the chart's "
    "README names.",
)
STORAGE_ACCESS_DENIED = _t.warning(
    "StorageAccessDenied",
    "Object storage refused the credentials.",
    "Check keys and bucket policy; for data elsewhere check the Secret that data.secretRef names.",
)
BUCKET_MISSING = _t.warning(
    "BucketMissing",
    "The bucket does not exist.",
    "Correct the URI, or create the bucket; the operator never creates one.",
)
STORAGE_UNSAFE = _t.warning(
    "StorageUnsafe",
    "The store ignores conditional writes, so two writers could claim the same version.",
    "Use a store that answers 412 to If-None-Match and If-Match, such as AWS S3, MinIO, Ceph or SeaweedFS.",
)
STORAGE_OWNED_BY_OTHER = _t.warning(
    "StorageOwnedByOther",
    "Another cluster or an earlier namespace of this name owns this part of the registry.",
    "Give each installation a prefix of its own in the chart's values, or remove _owner.json if the other is gone.",
)
URI_NOT_ALLOWED = _t.warning(
    "URINotAllowed",
    "The operator may not look at this URI itself.",
    "Move the data below an allowed prefix, or have the platform team add it to allowedDataPrefixes.",
)
RUN_MISSING = _t.warning(
    "RunMissing",
    "A version points to a run that storage no longer holds.",
    "Restore the objects from a backup, or train again with the annotation perennial.dev/retrain.",
)
INTERNAL_ERROR = _t.warning(
    "InternalError",
    "A fault of ours; the object is tried again, with growing pauses.",
    "Please report it with the operator's log.",
)
AWAITING_APPROVAL = _t.fine(
    "AwaitingApproval",
    "A person has to decide.",
    "The annotation perennial.dev/approve or perennial.dev/refuse decides about a version, perennial.dev/promote about "
    "a rollout; the message holds the command.",
)
