"""What the API server can refuse, as types: a caller never has to read a message to know what to do.

Not for storage errors (perennial.store.errors) nor for verdicts about a model.
"""

from collections.abc import Mapping
from typing import Any


class KubeError(Exception):
    """Anything that went wrong between us and the API server."""


class ApiError(KubeError):
    """The API server answered with an error, or did not answer.

    Attributes:
        code: HTTP status; 0 when no answer came.
        reason: `Status.reason` of the answer (`NotFound`, `Conflict`, …).
        causes: `Status.details.causes`: one mapping with `field`, `message`, `reason` a broken rule.
    """

    retryable = False

    def __init__(self, message: str, *, code: int = 0, reason: str = "", causes: tuple[Mapping[str, Any], ...] = ()):
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.causes = causes


class NotFound(ApiError):
    """404 or 410: the object, its namespace or its kind is not there."""


class NotServed(NotFound):
    """The kind itself is not there: its CRD is not installed. The API server answers without a `Status` then."""


class AlreadyExists(ApiError):
    """A create met an object of that name."""


class NotOwned(AlreadyExists):
    """An object of that name exists and belongs to somebody else: it is never adopted nor overwritten."""


class Conflict(ApiError):
    """A precondition (resourceVersion or UID) no longer holds: look again, then decide again."""


class Replaced(Conflict):
    """The object of that name has another UID by now: what was decided was about its predecessor."""


class Forbidden(ApiError):
    """401 or 403: a right is missing, or a quota is full."""


class NamespaceTerminating(Forbidden):
    """Nothing can be created any more in a namespace that is being deleted: there is nothing left to do."""


class Invalid(ApiError):
    """400 or 422: the API server refuses the content. Trying the same again gives the same answer."""


class Retryable(ApiError):
    """The same request may succeed later, unchanged."""

    retryable = True

    def __init__(self, message: str, *, retry_after: float | None = None, **rest: Any):
        super().__init__(message, **rest)
        self.retry_after = retry_after  # seconds, as the server asked


class TooManyRequests(Retryable):
    """429: the server protects itself, or a disruption budget holds."""


class ServerError(Retryable):
    """5xx."""


class Timeout(Retryable):
    """No answer in time, or the connection broke: the request may or may not have been carried out."""


class Expired(ApiError):
    """A continue token of a paged list is too old (410 with reason `Expired`): begin the list again."""


_BY_REASON: dict[str, type[ApiError]] = {"AlreadyExists": AlreadyExists, "Expired": Expired}
_BY_CODE: dict[int, type[ApiError]] = {
    400: Invalid,
    401: Forbidden,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: NotFound,
    422: Invalid,
}


def error_of(code: int, status: Mapping[str, Any], request: str, retry_after: float | None = None) -> ApiError:
    """The typed error for an answer ≥ 400.

    Args:
        code: HTTP status.
        status: the `Status` object of the answer, `{}` when it was none.
        request: verb and path, for the message.
        retry_after: seconds of the header of that name.
    """
    details = status.get("details") or {}
    causes = tuple(details.get("causes") or ())
    reason = str(status.get("reason") or "")
    message = f"{request}: {code} {reason}: {status.get('message') or 'no message'}"
    facts: dict[str, Any] = {"code": code, "reason": reason, "causes": causes}
    if code == 429 or code >= 500:
        wait = retry_after if retry_after is not None else details.get("retryAfterSeconds")
        kind = TooManyRequests if code == 429 else ServerError
        return kind(message, retry_after=None if wait is None else float(wait), **facts)
    if code == 403 and any(c.get("reason") == "NamespaceTerminating" for c in causes):
        return NamespaceTerminating(message, **facts)
    if code == 404 and not reason:
        return NotServed(message, **facts)
    return _BY_REASON.get(reason, _BY_CODE.get(code, ApiError))(message, **facts)
