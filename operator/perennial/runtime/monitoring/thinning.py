"""Which rows are counted when there are more than statistics need: every k-th one, k by the last minute's rate."""


class Thinning:
    """Systematic sampling with a step that follows the traffic.

    Args:
        minute_rows: rows a minute that are all counted.
    """

    def __init__(self, minute_rows: int) -> None:
        """Counting everything."""
        self._limit = minute_rows
        self._step = 1
        self._phase = 0
        self._seen = 0
        self._kept = 0

    def keep(self, rows: int) -> slice | None:
        """The rows of this batch to count; None means all of them."""
        self._seen += rows
        if self._step == 1:
            self._kept += rows
            if self._kept > self._limit:
                self._slow_down()
            return None
        start = -self._phase % self._step
        self._phase += rows
        self._kept += max(0, -(-(rows - start) // self._step))
        kept = slice(start, None, self._step)
        if self._kept > self._limit:
            self._slow_down()
        return kept

    def next_minute(self) -> None:
        """A minute has passed: choose the step from its rows."""
        self._step = max(1, -(-self._seen // self._limit))
        self._phase = self._seen = self._kept = 0

    def _slow_down(self) -> None:
        self._step, self._phase, self._kept = self._step * 2, 0, 0
