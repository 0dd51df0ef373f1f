"""How long a client waits for the candidate's answer before this pod gives its own. Pure.

Not how long the candidate may take: that is its own limit, by which it is judged, answered for or not.
"""

from array import array

LEAST_SECONDS = 5.0
KEPT = 128
"""Answers that are remembered."""


class Patience:
    """Grows with what a request costs this pod itself.

    Args:
        timeout: longest time for one request here, in seconds.
    """

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._least = min(LEAST_SECONDS, timeout / 2)
        self._kept = array("d", bytes(8 * KEPT))
        self._next = 0

    def answered(self, seconds: float) -> None:
        """This pod needed so long for an answer of its own."""
        self._kept[self._next] = seconds
        self._next = (self._next + 1) % KEPT

    @property
    def seconds(self) -> float:
        """Twice the longest of the last answers, so that a candidate that is as slow as this pod answers its clients;
        never more than the limit, and 5 s, or half the limit, where this pod is quicker than that."""
        return min(self._timeout, max(self._least, 2 * max(self._kept)))
