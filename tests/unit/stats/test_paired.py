"""Paired differences: textbook figures, and gates that err as rarely as they say."""

import os

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from perennial.stats.metrics import Rows
from perennial.stats.paired import Difference, compare, difference_bounds, rows_needed
from perennial.stats.proportions import tango_bound, tango_score, wilson

PAIRS = 4000 if os.environ.get("PERENNIAL_SOAK") else 1000
Z = 1.959964


def test_wilsons_interval_is_the_published_one() -> None:
    # R. G. Newcombe, Statistics in Medicine 17 (1998) 857-872, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    for (r, n), wanted in {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0.0, 0.1611),
        (1, 29): (0.0061, 0.1718),
    }.items():
        assert wilson(r, n, 0.95) == pytest.approx(wanted, abs=1e-4)


def test_tangos_interval_is_the_published_one() -> None:
    # T. Tango, Statistics in Medicine 17 (1998), §5: 44 pairs, b = 0, c = 1: (−0.118, 0.059) for p_b − p_c.
    lower, upper = tango_bound(0, 1, 44, Z), tango_bound(0, 1, 44, -Z)
    assert (lower, upper) == pytest.approx((-0.118, 0.059), abs=2e-3)


def test_tangos_statistic_at_zero_is_mcnemars() -> None:
    assert tango_score(12, 5, 100, 0.0) == pytest.approx((12 - 5) / (12 + 5) ** 0.5)


def _labels(rng: np.random.Generator, n: int, loss: float) -> tuple[Rows, Rows]:
    """A champion right in 80 % of rows, a challenger in 80 % − loss; they disagree in 10 % + loss."""
    truth = np.ones(n, dtype=int)
    right = rng.random(n) < 0.8
    challenger = np.where(right, rng.random(n) >= (0.05 + loss) / 0.8, rng.random(n) < 0.05 / 0.2)
    return Rows(truth, challenger.astype(int)), Rows(truth, right.astype(int))


def _scores(rng: np.random.Generator, n: int, loss: float) -> tuple[Rows, Rows]:
    """Two correlated normal scores; the champion's AUC is Φ(1/√2), the challenger's lower by `loss`."""
    y = (rng.random(n) < 0.4).astype(int)
    shared = rng.normal(size=n)
    mine, other = (np.sqrt(0.7) * shared + np.sqrt(0.3) * rng.normal(size=n) for _ in range(2))
    return Rows(y, None, mine + y * _separation(loss)), Rows(y, None, other + y * _separation(0.0))


def _separation(loss: float) -> float:
    return float(ndtri(ndtr(1 / np.sqrt(2)) - loss) * np.sqrt(2))


@pytest.mark.parametrize(("metric", "draw", "n"), [("accuracy", _labels, 1500), ("roc_auc", _scores, 800)])
@pytest.mark.parametrize("tolerance", [0.005, 0.02])
def test_a_challenger_at_exactly_minus_tolerance_is_approved_in_at_most_5_percent(
    metric: str, draw: object, n: int, tolerance: float
) -> None:
    rng = np.random.default_rng(11)
    approved = sum(_bounds(draw(rng, n, tolerance), metric)[0] >= -tolerance for _ in range(PAIRS))  # type: ignore[operator]
    assert approved / PAIRS <= 0.05 + 3 * (0.05 * 0.95 / PAIRS) ** 0.5
    assert approved / PAIRS >= 0.02  # and the test is not so careful that it approves nothing


@pytest.mark.parametrize(("metric", "draw", "n"), [("accuracy", _labels, 400), ("roc_auc", _scores, 400)])
def test_an_equal_challenger_is_refused_in_at_most_5_percent(metric: str, draw: object, n: int) -> None:
    rng = np.random.default_rng(12)
    refused = sum(_bounds(draw(rng, n, 0.0), metric)[1] < -0.005 for _ in range(PAIRS))  # type: ignore[operator]
    assert refused / PAIRS <= 0.05


def test_a_bootstrapped_gate_keeps_its_error_rate_with_clustered_rows() -> None:
    rng = np.random.default_rng(13)
    approved, pairs = 0, PAIRS // 10
    for _ in range(pairs):
        groups = np.repeat(np.arange(50), 10)
        day = np.repeat(rng.normal(size=50) * 0.3, 10)
        base = rng.normal(size=500)
        champion = Rows(np.zeros(500), np.abs(base))
        challenger = Rows(np.zeros(500), np.abs(base) + 0.05 + day)
        found = compare("mae", challenger, champion, larger_is_better=False, groups=groups, seed=int(rng.integers(1e9)))
        approved += difference_bounds(*_parts(found), alpha=0.05)[0] >= -0.05 - _drift(champion)
    assert approved / pairs <= 0.05 + 3.5 * (0.05 * 0.95 / pairs) ** 0.5


def _drift(champion: Rows) -> float:
    """|x + shift| exceeds |x| + shift where the shifted value turns negative: the true loss beyond 0.05."""
    shifted = champion.label[:, None] + 0.05 + 0.3 * np.linspace(-3, 3, 61)  # type: ignore[index]
    density = np.exp(-(np.linspace(-3, 3, 61) ** 2) / 2)
    return float((np.abs(shifted) @ density / density.sum() - champion.label - 0.05).mean())


def _parts(found: Difference) -> tuple[int, float, float, str, tuple[float, ...]]:
    return found.n, found.delta, found.se, found.method, found.bootstrap


def _bounds(pair: tuple[Rows, Rows], metric: str) -> tuple[float, float]:
    found = compare(metric, *pair, larger_is_better=True)
    return difference_bounds(*_parts(found), alpha=0.05)


def test_a_loss_is_turned_so_that_larger_is_better() -> None:
    y = np.zeros(100)
    better, worse = Rows(y, np.full(100, 0.1)), Rows(y, np.full(100, 0.4))
    found = compare("mae", better, worse, larger_is_better=False)
    assert found.delta == pytest.approx(0.3)
    assert (found.challenger, found.champion) == pytest.approx((0.1, 0.4))


def test_a_model_against_itself_differs_by_nothing() -> None:
    rng = np.random.default_rng(14)
    _, rows = _scores(rng, 300, 0.0)
    for metric in ("roc_auc", "average_precision", "log_loss"):
        score = 1 / (1 + np.exp(-rows.probability))
        same = Rows(rows.truth, None, score)
        found = compare(metric, same, same, larger_is_better=True)
        assert (found.delta, found.se) == (0.0, 0.0)


def test_the_rows_it_asks_for_bring_a_decision_in_about_80_percent() -> None:
    rng = np.random.default_rng(15)
    found = compare("roc_auc", *_scores(rng, 4000, 0.0), larger_is_better=True)
    n = rows_needed(found.n, 0.0, found.se, tolerance=0.03)
    decided = sum(_bounds(_scores(rng, n, 0.0), "roc_auc")[0] >= -0.03 for _ in range(PAIRS))
    assert decided / PAIRS == pytest.approx(0.8, abs=0.06)


def test_no_distance_to_show_is_said_and_not_divided_by() -> None:
    with pytest.raises(ValueError, match="no number of rows"):
        rows_needed(100, -0.1, 0.02, tolerance=0.0)
