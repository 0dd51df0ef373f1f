"""The profile: what is watched, what is not and why, and that no real row's value is in it."""

import numpy as np
import pytest

from perennial.api.records.profile import Profile
from perennial.api.records.signature import InputColumn, Signature
from perennial.runtime.monitoring import build_profile

RNG = np.random.default_rng(0)
N = 6000
START = np.datetime64("2026-01-05T00:00:00", "s")


def _signature(task: str = "Regression", **kinds: str) -> Signature:
    inputs = [InputColumn(name=n, kind=k, datatype="FP64") for n, k in kinds.items()]  # type: ignore[arg-type]
    classes = {"Binary": ["no", "yes"], "Multiclass": [f"k{i}" for i in range(12)]}.get(task)
    return Signature(task=task, inputs=inputs, outputs=[], classes=classes, positive_class="yes", id_column="key")  # type: ignore[arg-type]


def test_calendar_columns_ids_texts_and_monotone_ones_are_not_watched_and_the_reason_is_kept() -> None:
    times = START + np.sort(RNG.integers(0, 40 * 86400, N)).astype("timedelta64[s]")
    hours = (times - times.astype("datetime64[D]")).astype("timedelta64[h]").astype(float)
    columns = {
        "x": RNG.normal(size=N),
        "when": times,
        "key": np.arange(N).astype(float),
        "month": np.full(N, 1.0),
        "slot": hours,
        "counter": np.arange(N) + RNG.normal(size=N),
        "note": np.array(["text"] * N, dtype=object),
        "nothing": np.full(N, np.nan),
    }
    kinds = dict.fromkeys(columns, "numeric") | {"when": "datetime", "note": "text"}
    profile = build_profile(columns, _signature(**kinds), times=times)
    assert [f.name for f in profile.features] == ["x"]
    assert {u.name: u.reason for u in profile.unwatched} == {
        "when": "Time",
        "key": "Id",
        "month": "DatePart",
        "slot": "DatePart",
        "counter": "MonotoneInTime",
        "note": "Text",
        "nothing": "Empty",
    }


def test_a_sorted_instant_is_not_watched_even_when_nobody_named_the_time_column() -> None:
    times = START + np.sort(RNG.integers(0, 40 * 86400, N)).astype("timedelta64[s]")
    profile = build_profile({"when": times, "x": RNG.normal(size=N)}, _signature(when="datetime", x="numeric"))
    assert [u.name for u in profile.unwatched] == ["when"]


def test_extremes_are_quantiles_and_never_a_real_rows_value() -> None:
    x = RNG.normal(size=N)
    x[17] = 987654.25
    profile = build_profile({"x": x}, _signature(x="numeric"))
    assert b"987654" not in profile.to_json()
    assert profile.features[0].high is not None
    assert profile.features[0].high < 10
    assert profile.features[0].outside == pytest.approx(0.002 * N, abs=3)


def test_a_profile_survives_its_file() -> None:
    p = RNG.random(2000)
    outputs = {"predict": (p > 0.5).astype(int), "predict_proba": np.column_stack([1 - p, p])}
    labels = np.where(RNG.random(2000) < p, "yes", "no").astype(object)
    table = {"x": RNG.normal(size=N), "c": np.array(["a", "b", None], dtype=object)[RNG.integers(0, 3, N)]}
    signature = _signature("Binary", x="numeric", c="categorical")
    profile = build_profile(table, signature, holdout_outputs=outputs, holdout_target=labels, importances={"x": -0.1})
    assert Profile.from_json(profile.to_json()) == profile
    assert profile.features[0].importance == 0.0
    assert (profile.outputs[0].name, profile.outputs[0].column) == ("score", 1)
    assert profile.calibration is not None
    assert profile.calibration.rows == 2000
    assert profile.calibration.error < 0.03


def test_many_classes_are_watched_by_their_ten_most_likely_and_the_label() -> None:
    table = RNG.dirichlet(np.arange(1, 13), 1000)
    outputs = {"predict": np.array([f"k{i}" for i in table.argmax(axis=1)], dtype=object), "predict_proba": table}
    profile = build_profile({"x": RNG.normal(size=N)}, _signature("Multiclass", x="numeric"), holdout_outputs=outputs)
    assert [o.name for o in profile.outputs] == [f"score:k{i}" for i in range(2, 12)] + ["label"]


def test_clustered_reference_rows_count_for_less() -> None:
    times = START + np.repeat(np.arange(N // 20) * 60, 20).astype("timedelta64[s]")
    clustered = np.repeat(RNG.normal(size=N // 20), 20)
    both = {"clustered": clustered, "free": RNG.normal(size=N)}
    profile = build_profile(both, _signature(clustered="numeric", free="numeric"), times=times)
    worth = {f.name: f.effective_rows for f in profile.features}
    assert worth["clustered"] == pytest.approx(N / 20, rel=0.1)
    assert worth["free"] == pytest.approx(N, rel=0.15)


def test_a_daily_season_raises_the_limit_of_its_hours_and_a_trend_is_taken_out_and_reported() -> None:
    rows, days = 84_000, 14
    seconds = np.sort(RNG.uniform(0, days * 86400, rows))
    night = (seconds % 86400) < 6 * 3600
    daily = RNG.normal(size=rows) + 2 * night
    rising = RNG.normal(size=rows) + 1.5 * seconds / seconds.max()
    times = START + seconds.astype(int).astype("timedelta64[s]")
    profile = build_profile(
        {"daily": daily, "rising": rising, "calm": RNG.normal(size=rows)},
        _signature(daily="numeric", rising="numeric", calm="numeric"),
        times=times,
    )
    six_hours = {f.name: next(s for s in f.seasonal if s.window_seconds == 6 * 3600) for f in profile.features}
    season = six_hours["daily"].excess
    assert six_hours["daily"].by == "HourOfDay"
    assert min(season[:6]) > 3 * max(season[6:])
    assert six_hours["rising"].trend > 0.05
    assert six_hours["calm"].trend == 0.0
    assert max(six_hours["rising"].excess) < 0.1
    assert max(six_hours["calm"].excess) < 0.1
