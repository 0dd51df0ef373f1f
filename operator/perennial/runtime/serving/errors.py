"""What a client is told when a request cannot be answered: a small tree, one class a status.

Messages say which input, what was expected and what came; never a stack trace.
"""


class RequestError(Exception):
    """A request that gets another answer than its prediction.

    Attributes:
        status: the HTTP status.
        retry_after: seconds after which trying again makes sense; None: the same request will fail again.
    """

    status = 400
    retry_after: int | None = None

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Invalid(RequestError):
    """The request says something that this model cannot take."""


class Unknown(RequestError):
    """No such path, model or version."""

    status = 404


class MethodNotAllowed(RequestError):
    """The path exists, the method does not."""

    status = 405

    def __init__(self, message: str, allow: str) -> None:
        super().__init__(message)
        self.allow = allow


class SlowBody(RequestError):
    """The body did not arrive in time."""

    status = 408


class TooLarge(RequestError):
    """More bytes or rows than this server takes at once."""

    status = 413


class UnknownEncoding(RequestError):
    """The body is compressed in a way that this server does not know."""

    status = 415


class Overloaded(RequestError):
    """The queue is full."""

    status = 503
    retry_after = 1


class NotReady(RequestError):
    """The model is not loaded yet, or the server is going away."""

    status = 503
    retry_after = 2


class DeadlineExceeded(RequestError):
    """The prediction was not ready in time."""

    status = 504


class ModelFault(RequestError):
    """The model itself raised on a request that its signature accepts. Ours, not the client's."""

    status = 500
