"""What botocore raises becomes a type that says whether trying again helps, and a message that says what to do."""

import pytest
from botocore import exceptions as boto

from perennial.store import errors
from perennial.store.s3_errors import Request, translated

REQUEST = Request("read", "s3://bucket/registry/k", "http://store:9000")


def answered(code: str, status: int, message: str = "said the store.") -> boto.ClientError:
    return boto.ClientError(
        {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}, "GetObject"
    )


@pytest.mark.parametrize(
    ("raised", "kind", "advice"),
    [
        (answered("NoSuchKey", 404), errors.NotFound, "404"),
        (answered("404", 404), errors.NotFound, "404"),
        (answered("NoSuchBucket", 404), errors.BucketMissing, "correct its name"),
        (answered("PreconditionFailed", 412), errors.PreconditionFailed, "412"),
        (answered("SomethingNew", 412), errors.PreconditionFailed, "412"),
        (answered("ConditionalRequestConflict", 409), errors.Conflict, "409"),
        (answered("AccessDenied", 403), errors.AccessDenied, "AWS_ACCESS_KEY_ID"),
        (answered("SignatureDoesNotMatch", 403), errors.AccessDenied, "AWS_SECRET_ACCESS_KEY"),
        (answered("RequestTimeTooSkewed", 403), errors.AccessDenied, "clocks"),
        (answered("InternalError", 500), errors.Unreachable, "tried again"),
        (answered("SlowDown", 503), errors.Unreachable, "tried again"),
        (answered("Whatever", 429), errors.Unreachable, "tried again"),
        (answered("BadDigest", 400), errors.Corrupt, "on the way"),
        (answered("EntityTooLarge", 400), errors.StorageError, "EntityTooLarge"),
        (boto.EndpointConnectionError(endpoint_url="http://store:9000"), errors.Unreachable, "AWS_ENDPOINT_URL_S3"),
        (boto.ReadTimeoutError(endpoint_url="http://store:9000"), errors.Unreachable, "ReadTimeoutError"),
        (boto.ConnectTimeoutError(endpoint_url="http://store:9000"), errors.Unreachable, "ConnectTimeoutError"),
        (ConnectionResetError("reset"), errors.Unreachable, "ConnectionResetError"),
        (boto.NoCredentialsError(), errors.AccessDenied, "no credentials"),
        (boto.FlexibleChecksumError(error_msg="x"), errors.Corrupt, "checksum"),
        (boto.ParamValidationError(report="x"), errors.StorageError, "ParamValidationError"),
    ],
)
def test_an_error_becomes_its_type_with_what_was_asked_and_what_to_do(
    raised: Exception, kind: type[errors.StorageError], advice: str
) -> None:
    with pytest.raises(errors.StorageError) as told, translated(REQUEST):
        raise raised
    assert type(told.value) is kind
    assert "cannot read s3://bucket/registry/k at http://store:9000" in str(told.value)
    assert advice in str(told.value)


def test_only_silence_and_conflicts_are_retryable() -> None:
    retryable = {
        name
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.RetryableError)
    }
    assert retryable == {"RetryableError", "Unreachable", "Conflict"}


def test_what_is_already_ours_passes_unchanged() -> None:
    ours = errors.PreconditionFailed("ours")
    with pytest.raises(errors.PreconditionFailed) as told, translated(REQUEST):
        raise ours
    assert told.value is ours
