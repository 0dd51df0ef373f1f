"""The binning function: every value has exactly one bin, the same in trainer and server."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from perennial.stats.bins import (
    bin_counts,
    category_codes,
    category_index,
    numeric_codes,
    numeric_edges,
    top_categories,
)

floats = st.floats(width=64, allow_nan=True, allow_infinity=True)
columns = arrays(np.float64, st.integers(1, 200), elements=floats)


@given(columns)
@settings(max_examples=200)
def test_every_value_whatever_it_is_has_one_bin_and_only_nan_is_missing(values: np.ndarray) -> None:
    edges = numeric_edges(values)
    codes = numeric_codes(values, edges)
    assert ((codes == len(edges) + 1) == np.isnan(values)).all()
    assert bin_counts(codes, len(edges) + 2).sum() == values.size
    assert edges == sorted(set(edges))


@given(columns)
@settings(max_examples=200)
def test_equal_values_share_a_bin_and_few_distinct_values_each_have_their_own(values: np.ndarray) -> None:
    distinct = np.unique(values[np.isfinite(values)])
    codes = numeric_codes(distinct, numeric_edges(values))
    assert (np.diff(codes) >= 0).all()
    if distinct.size <= 20:
        assert np.unique(codes).size == distinct.size


def test_a_continuous_column_has_ten_bins_of_equal_share() -> None:
    values = np.random.default_rng(0).normal(size=10_000)
    counts = bin_counts(numeric_codes(values, numeric_edges(values)), 11)
    assert counts[:10].tolist() == pytest.approx([1000] * 10, abs=2)
    assert counts[10] == 0


def test_a_heavy_value_stands_alone_between_quantile_bins() -> None:
    rng = np.random.default_rng(1)
    values = np.where(rng.random(10_000) < 0.3, 0.0, rng.normal(size=10_000))
    edges = numeric_edges(values)
    zero = int(numeric_codes(np.array([0.0]), edges)[0])
    assert (numeric_codes(values, edges) == zero).sum() == (values == 0).sum()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_neighbouring_floats_are_told_apart_in_the_servers_type(dtype: type) -> None:
    low = dtype(1.0)
    high = np.nextafter(low, dtype(2.0))
    edges = numeric_edges(np.array([low, high]), dtype)
    assert numeric_codes(np.array([low, high]), edges).tolist() == [0, 1]


def test_the_ends_are_open_to_values_never_seen() -> None:
    edges = numeric_edges(np.arange(1000.0))
    assert numeric_codes(np.array([-1e300, -np.inf, 1e300, np.inf]), edges).tolist() == [0, 0, 9, 9]


def test_an_all_missing_column_has_one_bin_beside_missing() -> None:
    assert numeric_edges(np.array([np.nan, np.nan])) == []
    assert numeric_codes(np.array([np.nan, 1.0]), []).tolist() == [1, 0]


def test_rare_and_numerous_categories_are_folded_into_other() -> None:
    values = [f"c{i:02d}" for i in range(60) for _ in range(100 - i)] + ["rare"] * 9
    kept, folded = top_categories(values)
    assert kept == [f"c{i:02d}" for i in range(50)]
    assert folded == sum(100 - i for i in range(50, 60)) + 9


def test_unseen_categories_count_as_other_and_none_and_nan_as_missing() -> None:
    index = category_index(["a", "b"])
    assert category_codes(["b", "new", None, "a", float("nan")], index).tolist() == [1, 2, 3, 0, 3]
