"""Intervals of proportions and of paired differences of proportions by inverting score tests."""

from math import sqrt

from scipy.special import ndtri


def normal_quantile(probability: float) -> float:
    """z with P(Z ≤ z) = probability."""
    return float(ndtri(probability))


def wilson(successes: float, n: float, confidence: float) -> tuple[float, float]:
    """Two-sided score interval of a proportion (E. B. Wilson, J. Am. Stat. Assoc. 22, 1927).

    `successes` and `n` need not be whole: with clustered rows both are divided by the design effect.
    """
    if n <= 0:
        return 0.0, 1.0
    z = normal_quantile(0.5 + confidence / 2)
    p = successes / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def tango_score(b: float, c: float, n: float, delta: float) -> float:
    """Score statistic of H₀: p_b − p_c = delta, for paired binary outcomes.

    T. Tango, Statistics in Medicine 17 (1998) 891-908, eq. (5) with the restricted maximum likelihood estimate of
    the discordant probability from its quadratic equation.

    Args:
        b: pairs in which only the first is right.
        c: pairs in which only the second is right.
        n: all pairs.
    """
    linear = -b - c + (2 * n - b + c) * delta
    constant = -c * delta * (1 - delta)
    q21 = (sqrt(max(linear * linear - 8 * n * constant, 0.0)) - linear) / (4 * n)
    variance = n * (2 * q21 + delta * (1 - delta))
    difference = b - c - n * delta
    if variance <= 0:
        return 0.0 if difference == 0 else float("inf") * (1 if difference > 0 else -1)
    return difference / sqrt(variance)


def tango_bound(b: float, c: float, n: float, z: float) -> float:
    """The δ at which `tango_score` equals z, by bisection: a one-sided bound of p_b − p_c (lower for z > 0)."""
    low, high = -1.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        # The score falls with δ.
        if tango_score(b, c, n, middle) > z:
            low = middle
        else:
            high = middle
    return (low + high) / 2
