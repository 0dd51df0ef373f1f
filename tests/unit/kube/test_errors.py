"""Refusals of the API server become types."""

import pytest

from perennial.kube import errors


def status(reason: str = "", causes: tuple = (), **details) -> dict:
    return {"reason": reason, "message": "m", "details": {"causes": list(causes), **details}}


@pytest.mark.parametrize(
    ("code", "body", "expected"),
    [
        (404, status("NotFound"), errors.NotFound),
        (404, {"message": "404 page not found"}, errors.NotServed),
        (409, status("AlreadyExists"), errors.AlreadyExists),
        (409, status("Conflict"), errors.Conflict),
        (403, status("Forbidden"), errors.Forbidden),
        (403, status("Forbidden", ({"reason": "NamespaceTerminating"},)), errors.NamespaceTerminating),
        (401, status("Unauthorized"), errors.Forbidden),
        (422, status("Invalid"), errors.Invalid),
        (400, status("BadRequest"), errors.Invalid),
        (410, status("Expired"), errors.Expired),
        (410, status("Gone"), errors.NotFound),
        (429, status("TooManyRequests"), errors.TooManyRequests),
        (500, status("InternalError"), errors.ServerError),
        (503, {}, errors.ServerError),
        (418, {}, errors.ApiError),
    ],
)
def test_each_refusal_has_a_type(code, body, expected) -> None:
    error = errors.error_of(code, body, "GET /x")
    assert type(error) is expected
    assert error.code == code
    assert str(error).startswith(f"GET /x: {code}")


def test_only_passing_trouble_is_retryable() -> None:
    retryable = {kind for kind in errors.Retryable.__subclasses__() if kind.retryable}
    assert retryable == {errors.TooManyRequests, errors.ServerError, errors.Timeout}
    assert not errors.Conflict.retryable


@pytest.mark.parametrize(("header", "detail", "wait"), [(3.0, 9, 3.0), (None, 9, 9.0), (None, None, None)])
def test_the_server_says_how_long_to_wait(header, detail, wait) -> None:
    error = errors.error_of(429, status(retryAfterSeconds=detail), "GET /x", header)
    assert isinstance(error, errors.Retryable)
    assert error.retry_after == wait
