"""How a run ends when it does not end well: one type per exit code, so that retrying is decided by type.

Not for storage: `perennial.store.errors` says whether storage is at fault.
"""

import difflib
from collections.abc import Iterable

from perennial.api.records.task import ExitCode


class TrainingFailure(Exception):
    """A run that ends without a model.

    Attributes:
        reason: CamelCase, what `status.failure.reason` shows.
        code: the exit code, which says whether another attempt can help.
    """

    code = ExitCode.INTERNAL
    default_reason = "InternalError"

    def __init__(self, message: str, *, reason: str | None = None) -> None:
        super().__init__(message)
        self.reason = reason or self.default_reason


class DataRefused(TrainingFailure):
    """The data, or the spec against the data, is at fault; the same attempt would end the same way."""

    code = ExitCode.DATA_REFUSED
    default_reason = "DataRefused"


class UserCodeFailed(TrainingFailure):
    """The estimator raised: its parameters and this data do not go together."""

    code = ExitCode.USER_CODE
    default_reason = "UserCode"


def nearest(name: str, known: Iterable[str], *, limit: int = 3) -> str:
    """A clause that offers the closest known names, or lists a few when none is close."""
    names = sorted(set(known))
    close = difflib.get_close_matches(name, names, n=limit, cutoff=0.5)
    if close:
        return "did you mean " + " or ".join(repr(n) for n in close) + "?"
    shown = ", ".join(names[:12]) + (f", … ({len(names)} in all)" if len(names) > 12 else "")
    return f"there are: {shown}" if names else "there are none"
