"""Drift on real data: the flights of 2013. Seasons must fire, shuffled days and a harmless schedule must not."""

import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pyarrow import parquet
from typer.testing import CliRunner

from perennial.cli.main import app
from perennial.runtime.monitoring.replay import TableRefused, read_table, replay
from perennial.stats.verdicts import DriftOptions

WEATHER = ["temp", "humid", "wind_speed", "pressure", "visib"]
SCHEDULE = ["carrier", "origin", "dest", "distance", "departure_minute", "seats"]


def _written(folder: Path, name: str, table: pa.Table) -> Path:
    parquet.write_table(table, folder / name)
    return folder / name


def _month(flights: Path, month: int) -> pa.Table:
    return parquet.read_table(flights / f"2013-{month:02d}.parquet")


def _states(reference: Path, data: Path, **more: object) -> list[str]:
    arguments: dict[str, object] = {
        "time_column": None,
        "window": timedelta(days=31),
        "options": DriftOptions(),
        **more,
    }
    return [w.state.state for w in replay(reference, data, **arguments).windows]  # type: ignore[arg-type]


def test_a_winter_model_sees_the_summer_as_drift(flights: Path, tmp_path: Path) -> None:
    winter = _written(tmp_path, "winter.parquet", _month(flights, 1).select(WEATHER))
    summer = _written(tmp_path, "summer.parquet", _month(flights, 7).select(WEATHER))
    assert _states(winter, summer) == ["Drifted"]


def test_shuffled_days_of_a_year_are_silent(flights: Path, tmp_path: Path) -> None:
    year = pa.concat_tables([_month(flights, m) for m in range(1, 13)])
    day = pc.cast(pc.floor_temporal(year["time"], unit="day"), pa.int64()).to_numpy() // 86_400_000_000
    days = np.unique(day)
    rng = np.random.default_rng(0)
    for _ in range(3):
        half = np.isin(day, rng.permutation(days)[: days.size // 2])
        columns = year.select([*WEATHER, *SCHEDULE])
        one = _written(tmp_path, "one.parquet", columns.filter(pa.array(half)))
        other = _written(tmp_path, "other.parquet", columns.filter(pa.array(~half)))
        assert _states(one, other) == ["Clear"]


def test_a_schedule_that_changes_harmlessly_from_month_to_month_is_silent(flights: Path, tmp_path: Path) -> None:
    january = _written(tmp_path, "january.parquet", _month(flights, 1).select(SCHEDULE))
    for month in range(2, 13):
        later = _written(tmp_path, "later.parquet", _month(flights, month).select(SCHEDULE))
        assert _states(january, later)[0] in ("Clear", "Warning")


def test_the_command_prints_each_window_with_scores_and_limits(flights: Path) -> None:
    arguments = ["--reference", str(flights / "2013-01.parquet"), "--data", str(flights / "2013-02.parquet")]
    found = CliRunner().invoke(app, ["drift", *arguments, "--time-column", "time", "--window", "7d", "-o", "json"])
    assert found.exit_code == 0, found.output
    windows = json.loads(found.stdout)
    assert len(windows) >= 4
    assert {"from", "to", "rows", "state", "effectiveRows", "features"} <= windows[0].keys()
    assert {"score", "limit", "effectiveRows"} <= windows[0]["features"]["temp"].keys()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [(["--time-column", "nowhere"], "there is no column nowhere"), (["--window", "soon"], "not a duration")],
)
def test_a_wrong_argument_is_named_and_exits_64(flights: Path, arguments: list[str], told: str) -> None:
    table = str(flights / "2013-01.parquet")
    found = CliRunner().invoke(app, ["drift", "--reference", table, "--data", table, *arguments])
    assert found.exit_code == 64
    assert told in found.output.replace("\n", " ")


def test_a_table_without_the_references_columns_is_refused_by_name(tmp_path: Path) -> None:
    one = _written(tmp_path, "one.parquet", pa.table({"a": [1.0] * 50, "b": [2.0] * 50}))
    other = _written(tmp_path, "other.parquet", pa.table({"a": [1.0] * 50}))
    with pytest.raises(TableRefused, match="b"):
        _states(one, other)
    with pytest.raises(TableRefused, match="suffix"):
        _states(one, tmp_path / "table.xlsx")


def test_a_folder_is_one_table_of_its_files_in_order(tmp_path: Path) -> None:
    for name, value in (("2.parquet", 2.0), ("1.parquet", 1.0)):
        _written(tmp_path, name, pa.table({"a": [value]}))
    (tmp_path / "notes.txt").write_text("not data")
    assert read_table(tmp_path)["a"].to_pylist() == [1.0, 2.0]
    (tmp_path / "empty").mkdir()
    with pytest.raises(TableRefused, match="no file"):
        read_table(tmp_path / "empty")
