"""Has a rate risen against the reference? The conditional test with mid-p, vectorised over columns."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaln, xlog1py, xlogy

Floats = NDArray[np.float64]


def rise_p_value(
    events: NDArray[Any], rows: NDArray[Any], base_events: NDArray[Any], base_rows: NDArray[Any]
) -> Floats:
    """One-sided mid-p of "the rate of the window is not above the reference's", shape (columns,).

    Given T events in all, those of the window are Binomial(T, rows/(rows + base_rows)) when both rates are equal and
    small (J. Przyborowski, H. Wilenski, Biometrika 31, 1940); for larger rates the test is conservative. Mid-p: half
    the probability of what was seen (H. O. Lancaster, J. Am. Stat. Assoc. 56, 1961). Counts need not be whole:
    clustered ones are divided by their design effect.
    """
    seen = np.asarray(events, dtype=np.float64)
    total = seen + np.asarray(base_events, dtype=np.float64)
    share = np.clip(rows / np.maximum(np.asarray(rows, dtype=np.float64) + base_rows, 1e-9), 1e-12, 1 - 1e-12)
    at_least: Floats = np.where(seen > 0, betainc(np.maximum(seen, 1e-9), total - seen + 1.0, share), 1.0)
    return at_least - 0.5 * _probability(seen, total, share)


def _probability(seen: Floats, total: Floats, share: Floats) -> Floats:
    """Binomial probability, its coefficient by the beta function so that it is defined for fractions."""
    coefficient = -betaln(seen + 1.0, total - seen + 1.0) - np.log(total + 1.0)
    mass: Floats = np.exp(coefficient + xlogy(seen, share) + xlog1py(total - seen, -share))
    return mass
