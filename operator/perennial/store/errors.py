"""What can go wrong with object storage, as a tree: who catches a type knows whether trying again can help.

StorageError
├── RetryableError           try again later, nothing needs changing
│   ├── Unreachable          no answer, a time-out, or 5xx/429
│   └── Conflict             409: another conditional write of this key was under way
├── NotFound
├── PreconditionFailed       412: the key exists, or is not what we read
├── AccessDenied
├── BucketMissing
├── InvalidLocation          a URI or key that cannot name an object
├── Corrupt                  bytes that are not what was stored
├── EmptyDataSet             a data URI under which nothing matches
└── StorageOwnedByOther      another cluster's or namespace's registry

Each says by which condition reason it is told.
"""

from typing import ClassVar

from perennial.api.reasons import platform, training


class StorageError(Exception):
    """Any failure of object storage. Terminal unless it is a `RetryableError`."""

    reason: ClassVar[str] = platform.STORAGE_UNAVAILABLE


class RetryableError(StorageError):
    """Trying again later can help, and nothing needs changing for it."""


class Unreachable(RetryableError):
    """No answer in time, or the store said that it cannot answer now."""


class Conflict(RetryableError):
    """409: another conditional write of the same key was under way; try again at once."""


class NotFound(StorageError):
    """No object under that key."""


class PreconditionFailed(StorageError):
    """412: the key exists already (if-none-match), or holds something else than expected (if-match)."""


class AccessDenied(StorageError):
    """The credentials are missing, wrong, or do not reach this key."""

    reason = platform.STORAGE_ACCESS_DENIED


class BucketMissing(StorageError):
    """The bucket does not exist."""

    reason = platform.BUCKET_MISSING


class InvalidLocation(StorageError):
    """A URI or key that cannot name an object."""

    reason = platform.SPEC_INVALID


class Corrupt(StorageError):
    """Bytes whose checksum or length is not that of what was stored."""

    reason = training.CORRUPT_OBJECT


class EmptyDataSet(StorageError):
    """A data URI under which no object matches."""

    reason = training.EMPTY_DATA_SET


class StorageOwnedByOther(StorageError):
    """The registry of this namespace belongs to another cluster or to a former namespace of that name."""

    reason = platform.STORAGE_OWNED_BY_OTHER
