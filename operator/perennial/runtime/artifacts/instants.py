"""Parts of an instant as numbers, by numpy alone: shared by the fitted pipeline and the fast encoder."""

import numpy as np

PARTS = ("year", "month", "day", "weekday", "hour")


def date_parts(instants: np.ndarray) -> list[np.ndarray]:
    """The parts of one column of datetime64[us] (UTC), each float64 of shape (rows,), NaN where it is missing."""
    months = instants.astype("datetime64[M]")
    days = instants.astype("datetime64[D]")
    lost = np.isnat(instants)
    parts = (
        months.astype("datetime64[Y]").astype(np.int64) + 1970,
        months.astype(np.int64) % 12 + 1,
        (days - months).astype(np.int64) + 1,
        (days.astype(np.int64) + 3) % 7,  # 1970-01-01 was a Thursday
        (instants - days).astype(np.int64) // 3_600_000_000,
    )
    return [np.where(lost, np.nan, part) for part in parts]
