"""Counters: exact, additive, bounded, and the same bins as the profile."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perennial.api.records.profile import Profile
from perennial.api.records.signature import InputColumn, Signature
from perennial.api.records.window import WindowRecord
from perennial.runtime.monitoring import Counters, build_profile
from perennial.runtime.monitoring.columns import as_numbers, as_texts
from perennial.stats.bins import category_codes, category_index, numeric_codes
from perennial.stats.windows import sum_windows

HOUR = 1_700_000_400 // 3600 * 3600
KINDS = {"x": "numeric", "few": "numeric", "c": "categorical", "b": "boolean"}


def _table(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    x = rng.normal(size=n)
    x[rng.random(n) < 0.1] = np.nan
    categories = np.array([None, "a", "b", "new"], dtype=object)
    return {
        "x": x,
        "few": rng.integers(0, 4, n).astype(float),
        "c": categories[rng.integers(0, 4, n)],
        "b": rng.random(n) < 0.3,
    }


def _outputs(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    p = rng.random(n)
    return {"predict": (p > 0.5).astype(int), "predict_proba": np.column_stack([1 - p, p])}


def _profile() -> Profile:
    rng = np.random.default_rng(0)
    table = _table(rng, 5000)
    table["c"][table["c"] == "new"] = "a"
    inputs = [InputColumn(name=n, kind=k, datatype="FP64") for n, k in KINDS.items()]
    signature = Signature(task="Binary", inputs=inputs, outputs=[], classes=["no", "yes"], positive_class="yes")
    return build_profile(table, signature, holdout_outputs=_outputs(rng, 2000))


PROFILE = _profile()


def _by_hand(name: str, values: np.ndarray) -> list[int]:
    reference = next(r for r in PROFILE.features if r.name == name)
    if reference.kind == "categorical":
        codes = category_codes(as_texts(values), category_index(reference.categories))
    else:
        codes = numeric_codes(as_numbers(values), reference.edges)
    return np.bincount(codes, minlength=len(reference.counts)).tolist()


def _joined(batches: list[dict[str, np.ndarray]], name: str) -> np.ndarray:
    return np.concatenate([b[name] for b in batches])


@given(sizes=st.lists(st.integers(1, 3000), min_size=1, max_size=8), seed=st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_every_row_is_counted_once_however_requests_are_cut(sizes: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    counters = Counters(PROFILE)
    batches = [_table(rng, n) for n in sizes]
    for i, batch in enumerate(batches):
        counters.observe(batch, _outputs(rng, sizes[i]), HOUR + 30 * i)
    window = counters.to_window(HOUR)
    assert window.rows == sum(sizes)
    for name in KINDS:
        assert window.features[name].counts == _by_hand(name, _joined(batches, name))
    assert sum(window.outputs["score"].counts) == sum(sizes) == sum(window.scores)


@given(seed=st.integers(0, 1000), pods=st.integers(1, 4))
@settings(max_examples=20, deadline=None)
def test_the_sum_of_pods_files_is_what_one_pod_would_have_counted(seed: int, pods: int) -> None:
    rng = np.random.default_rng(seed)
    one = Counters(PROFILE)
    several = [Counters(PROFILE) for _ in range(pods)]
    for minute in range(12):
        batch, outputs = _table(rng, 40), _outputs(rng, 40)
        one.observe(batch, outputs, HOUR + 60 * minute)
        several[minute % pods].observe(batch, outputs, HOUR + 60 * minute)
    files = [WindowRecord.from_json(c.to_window(HOUR).to_json()) for c in several]
    total = sum_windows(files)
    assert total.model_copy(update={"writers": 1}) == one.to_window(HOUR)
    assert total.writers == pods


def test_merged_workers_hold_the_same_sums_as_their_windows() -> None:
    rng = np.random.default_rng(3)
    workers = [Counters(PROFILE), Counters(PROFILE)]
    for worker in workers:
        for minute in range(5):
            worker.observe(_table(rng, 30), _outputs(rng, 30), HOUR + 60 * minute)
    wanted = sum_windows([w.to_window(HOUR) for w in workers])
    workers[0].merge(workers[1])
    assert workers[0].to_window(HOUR) == wanted.model_copy(update={"writers": 1})


def test_asking_for_a_window_in_the_middle_of_a_minute_changes_no_later_window() -> None:
    rng = np.random.default_rng(4)
    asked, left_alone = Counters(PROFILE), Counters(PROFILE)
    for second in range(0, 200, 7):
        batch, outputs = _table(rng, 5), _outputs(rng, 5)
        asked.observe(batch, outputs, HOUR + second)
        left_alone.observe(batch, outputs, HOUR + second)
        asked.to_window(HOUR)
    assert asked.to_window(HOUR) == left_alone.to_window(HOUR)


def test_a_matrix_in_the_signatures_order_counts_like_columns() -> None:
    rng = np.random.default_rng(5)
    inputs = [InputColumn(name=n, kind="numeric", datatype="FP64") for n in ("p", "q", "r")]
    table = {i.name: rng.normal(size=2000) for i in inputs}
    profile = build_profile(table, Signature(task="Regression", inputs=inputs, outputs=[]))
    by_matrix, by_column = Counters(profile, inputs=["p", "q", "r"]), Counters(profile)
    for _ in range(3):
        matrix = rng.normal(size=(7, 3))
        by_matrix.observe(matrix, {}, HOUR)
        by_column.observe({n: matrix[:, i] for i, n in enumerate("pqr")}, {}, HOUR)
    assert by_matrix.to_window(HOUR) == by_column.to_window(HOUR)


def test_slots_are_apart_and_a_forgotten_one_is_gone() -> None:
    rng = np.random.default_rng(6)
    counters = Counters(PROFILE, slot_seconds=600)
    for at in (HOUR + 10, HOUR + 599, HOUR + 600):
        counters.observe(_table(rng, 10), _outputs(rng, 10), at)
    assert counters.slots == [HOUR, HOUR + 600]
    assert [counters.to_window(s).rows for s in counters.slots] == [20, 10]
    counters.forget(HOUR)
    assert counters.slots == [HOUR + 600]


def test_infinite_unseen_and_extreme_values_are_told_apart_from_missing() -> None:
    counters = Counters(PROFILE)
    table = {
        "x": np.array([np.inf, -np.inf, 1e9, np.nan, 0.0]),
        "few": np.zeros(5),
        "c": np.array(["never seen", "a", None, "b", "also new"], dtype=object),
        "b": np.array([True, False, None, True, False], dtype=object),
    }
    counters.observe(table, {}, HOUR)
    counters.reject("few", 3, HOUR)
    features = counters.to_window(HOUR).features
    assert (features["x"].invalid, features["x"].outside, features["x"].counts[-1]) == (2, 3, 1)
    assert (features["c"].outside, features["c"].counts[-1]) == (2, 1)
    assert features["b"].counts == [2, 2, 1]
    assert features["few"].invalid == 3


def test_a_clock_set_back_loses_and_doubles_nothing() -> None:
    rng = np.random.default_rng(7)
    counters = Counters(PROFILE)
    for at in (HOUR + 3600, HOUR + 30, HOUR + 3601, HOUR - 5):
        counters.observe(_table(rng, 4), {}, at)
    assert {s: counters.to_window(s).rows for s in counters.slots} == {HOUR - 3600: 4, HOUR: 4, HOUR + 3600: 8}


def test_above_the_counted_rate_every_row_is_either_counted_or_said_to_be_dropped() -> None:
    rng = np.random.default_rng(8)
    counters = Counters(PROFILE)
    batch, outputs = _table(rng, 6000), _outputs(rng, 6000)
    for minute in range(3):
        for _ in range(150):
            counters.observe(batch, outputs, HOUR + 60 * minute)
    window = counters.to_window(HOUR)
    assert window.rows + window.dropped == 3 * 150 * 6000
    assert window.rows < 3 * 2 * 240_000
    assert sum(window.features["x"].counts) == window.rows


def test_only_the_most_important_features_are_counted_when_there_are_too_many() -> None:
    ranked = PROFILE.model_copy(
        update={"features": [r.model_copy(update={"importance": float(i)}) for i, r in enumerate(PROFILE.features)]}
    )
    assert [c.name for c in Counters(ranked, max_features=2, exclude=["b"]).layout.features] == ["few", "c"]


def test_counters_of_another_profile_are_not_merged() -> None:
    other = Counters(PROFILE, artifact="sha256:" + "1" * 64)
    with pytest.raises(ValueError, match="another profile"):
        Counters(PROFILE).merge(other)


def test_memory_does_not_grow_with_traffic() -> None:
    rng = np.random.default_rng(9)
    counters = Counters(PROFILE)
    batch, outputs = _table(rng, 500), _outputs(rng, 500)
    sizes = []
    for minute in range(20):
        for _ in range(4):
            counters.observe(batch, outputs, HOUR + 60 * minute)
        sizes.append(len(counters._pending))
    assert max(sizes) <= 4
    assert len(counters.to_window(HOUR).to_json()) < 4000
