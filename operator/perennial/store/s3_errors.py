"""From botocore's errors to the tree of `errors`: by code and status, with what to do, and never with a secret."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from botocore import exceptions as boto
from urllib3.exceptions import HTTPError

from perennial.store.errors import (
    AccessDenied,
    BucketMissing,
    Conflict,
    Corrupt,
    NotFound,
    PreconditionFailed,
    StorageError,
    Unreachable,
)

CREDENTIALS = "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (Secret of this namespace) and the key's policy"
BY_CODE: dict[str, tuple[type[StorageError], str]] = {
    "NoSuchKey": (NotFound, ""),
    "404": (NotFound, ""),
    "NotFound": (NotFound, ""),
    "NoSuchBucket": (BucketMissing, "make the bucket or correct its name in the URI"),
    "PreconditionFailed": (PreconditionFailed, ""),
    "412": (PreconditionFailed, ""),
    "ConditionalRequestConflict": (Conflict, ""),
    "OperationAborted": (Conflict, ""),
    "409": (Conflict, ""),
    "BadDigest": (Corrupt, "the bytes changed on the way; try again, and suspect the network if it stays"),
    "XAmzContentSHA256Mismatch": (Corrupt, "the bytes changed on the way; try again, and suspect a proxy if it stays"),
    "RequestTimeTooSkewed": (AccessDenied, "the clocks of this machine and the store differ: set them right"),
    "PermanentRedirect": (AccessDenied, "the bucket is in another region: set AWS_REGION"),
    "AuthorizationHeaderMalformed": (AccessDenied, "the bucket is in another region: set AWS_REGION"),
}
BUSY = ("SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable", "Throttling", "TooManyRequests")
NO_ANSWER = (boto.ConnectionError, boto.HTTPClientError, boto.IncompleteReadError, boto.ResponseStreamingError)
NO_CREDENTIALS = (boto.NoCredentialsError, boto.PartialCredentialsError, boto.CredentialRetrievalError)


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked of whom; the head of every message."""

    action: str
    uri: str
    endpoint: str

    def __str__(self) -> str:
        return f"cannot {self.action} {self.uri} at {self.endpoint}"


@contextmanager
def translated(request: Request) -> Iterator[None]:
    """Whatever botocore raises inside leaves as a `StorageError` that says what was asked and what to do."""
    try:
        yield
    except boto.ClientError as refused:
        raise _of_answer(request, refused) from refused
    except NO_CREDENTIALS as missing:
        raise AccessDenied(f"{request}: no credentials; {CREDENTIALS}") from missing
    except (*NO_ANSWER, HTTPError, OSError) as silent:
        # botocore's own text may hold a signed URL; its type says enough.
        raise Unreachable(
            f"{request}: no answer ({type(silent).__name__}); check AWS_ENDPOINT_URL_S3 and that the store runs"
        ) from silent
    except (boto.ChecksumError, boto.FlexibleChecksumError) as wrong:
        raise Corrupt(f"{request}: the checksum of what came is not that of what was stored") from wrong
    except boto.BotoCoreError as other:
        raise StorageError(f"{request}: {type(other).__name__}: {other}") from other


def _of_answer(request: Request, refused: boto.ClientError) -> StorageError:
    error = refused.response.get("Error", {})
    status = refused.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code = str(error.get("Code", status))
    kind, advice = BY_CODE.get(code) or BY_CODE.get(str(status)) or _by_status(code, status)
    text = f"{request}: {status} {code}: {str(error.get('Message', '')).rstrip('.')}"
    return kind(f"{text}; {advice}" if advice else text)


def _by_status(code: str, status: int) -> tuple[type[StorageError], str]:
    if status in (401, 403):
        return AccessDenied, CREDENTIALS
    if status >= 500 or status == 429 or code in BUSY:
        return Unreachable, "the store cannot answer now; it is tried again"
    return StorageError, ""
