"""What came of asking the candidate, whatever the protocol."""

from typing import NamedTuple


class Told[A](NamedTuple):
    """One exchange with the candidate.

    Args:
        answer: its answer; None: there is none that can be used.
        refused: it says that the client is at fault. Its error, if this pod accepts the same request.
        timeout: it took longer than the plan allows.
        cold: it still ignores its first requests; count this one nowhere.
        stated: its own time in microseconds, as it told it.
    """

    answer: A | None = None
    refused: bool = False
    timeout: bool = False
    cold: bool = False
    stated: str = ""
