"""The design effect from additive block sums."""

import numpy as np
import pytest
from scipy.special import chdtri

from perennial.stats.effective import block_sums, design_effect, tail_shape


def _effect(block_counts: np.ndarray) -> float:
    sums = block_sums(block_counts)
    return float(
        design_effect(block_counts.sum(axis=0), np.array(sums.squares), np.array(sums.crosses), sums.row_squares)
    )


def test_independent_rows_keep_their_number() -> None:
    rng = np.random.default_rng(0)
    effects = [_effect(rng.multinomial(50, np.full(10, 0.1), size=60)) for _ in range(200)]
    assert np.mean(effects) == pytest.approx(1.0, abs=0.08)


@pytest.mark.parametrize("size", [5, 20])
def test_rows_that_come_as_equal_clusters_count_once(size: int) -> None:
    rng = np.random.default_rng(1)
    effects = [_effect(rng.multinomial(10, np.full(10, 0.1), size=200) * size) for _ in range(50)]
    assert np.mean(effects) == pytest.approx(size, rel=0.05)


def test_it_is_the_textbook_sum_over_blocks() -> None:
    counts = np.array([[3, 1], [0, 4], [5, 2]])
    p = counts.sum(axis=0) / counts.sum()
    rows = counts.sum(axis=1, keepdims=True)
    by_hand = (((counts - rows * p) ** 2).sum(axis=0) / (counts.sum() * p * (1 - p))).mean()
    assert _effect(counts) == pytest.approx(max(1.0, by_hand))


def test_block_sums_of_two_pods_add_up_to_the_sums_of_all_their_blocks() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.integers(0, 9, (30, 4)), rng.integers(0, 9, (20, 4))
    both, one, other = (block_sums(x).model_dump() for x in (np.vstack([a, b]), a, b))
    for name, total in both.items():
        assert np.array_equal(total, np.asarray(one[name]) + np.asarray(other[name]))


def test_a_column_with_one_value_has_an_effect_of_one() -> None:
    assert _effect(np.array([[5, 0], [3, 0]])) == 1.0


@pytest.mark.parametrize(("strongest", "rest"), [(17.0, 2.0), (5.0, 5.0), (60.0, 1.0)])
@pytest.mark.parametrize("alpha", [0.01, 0.001])
def test_the_tail_of_a_clustered_chi_square_is_the_simulated_one(strongest: float, rest: float, alpha: float) -> None:
    values = np.array([strongest, *[rest] * 8])
    drawn = (np.random.default_rng(3).normal(size=(400_000, 9)) ** 2 @ values) / values.sum()
    tail = tail_shape(np.array([10]), np.array([values.mean()]), np.array([strongest]))
    limit = 1.0 + tail.stretch * (chdtri(tail.freedom, alpha) / tail.freedom - 1.0)
    assert (drawn > limit).mean() == pytest.approx(alpha, rel=0.15)
