"""A backtest is honest: a policy that does nothing beats nothing, one that learns a change beats never."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from typer.testing import CliRunner

from perennial.cli.backtesting.compare import versus
from perennial.cli.main import app

TRAINING = """
apiVersion: perennial.dev/v1alpha1
kind: ModelTraining
metadata: {name: m}
spec:
  data: {train: {uri: "s3://datasets/m/"}, target: y, features: {timeColumn: t}}
  algorithm: {estimator: sklearn.linear_model.LogisticRegression}
  evaluation: {metrics: [accuracy], gates: [{metric: accuracy, champion: {tolerance: 0.05}}]}
"""
POLICY = """
apiVersion: perennial.dev/v1alpha1
kind: RetrainPolicy
metadata: {name: m}
spec:
  trainingRef: {name: m}
  triggers: %s
  data: {last: 14d, timeColumn: t}
"""
WEEKLY = '{schedule: {cron: "0 0 * * 1"}}'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """84 days of 80 rows; after half of them the meaning of x turns round."""
    rng = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("backtest")
    days, rows = 84, 80
    seconds = np.sort(rng.uniform(0, days * 86400, days * rows))
    x = rng.normal(size=seconds.size)
    turned = np.where(seconds < days * 86400 / 2, x, -x)
    y = rng.random(seconds.size) < 1 / (1 + np.exp(-3 * turned))
    times = np.datetime64("2026-01-01T00:00:00", "us") + (seconds * 1e6).astype("timedelta64[us]")
    parquet.write_table(pa.table({"t": times, "x": x, "y": y}), folder / "history.parquet")
    (folder / "training.yaml").write_text(TRAINING)
    return folder


def _run(folder: Path, triggers: str, *more: str) -> dict[str, Any]:
    (folder / "policy.yaml").write_text(POLICY % triggers)
    files = ["-f", str(folder / "policy.yaml"), "--training", str(folder / "training.yaml")]
    data = ["--data", str(folder / "history.parquet"), "--time-column", "t", "--warm-up", "14d", "--replicates", "2"]
    found = CliRunner().invoke(app, ["backtest", *files, *data, "-o", "json", *more])
    assert found.exit_code == 0, found.output
    result: dict[str, Any] = json.loads(found.stdout)
    return result


def test_a_policy_that_learns_a_change_beats_never_and_its_page_says_so(folder: Path) -> None:
    result = _run(folder, WEEKLY, "--html", str(folder / "page.html"))
    never = next(c for c in result["comparisons"] if c["control"] == "never")
    assert never["verdict"] == "beats"
    assert never["lower"] > 0
    policy = next(s for s in result["strategies"] if s["name"] == "policy")
    assert policy["retrains"] >= 6
    assert policy["cpuSeconds"] > 0
    page = (folder / "page.html").read_text()
    assert "beats" in page
    assert "http://" not in page.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "http://creativecommons.org", ""
    )
    assert "<script" not in page


def test_a_policy_without_triggers_is_never_and_beats_nothing(folder: Path) -> None:
    result = _run(folder, "{}")
    assert all(c["verdict"] != "beats" for c in result["comparisons"])
    never = next(c for c in result["comparisons"] if c["control"] == "never")
    assert never["difference"] == 0
    assert result["runs"] == []


def test_no_row_is_predicted_by_a_model_that_has_seen_it(folder: Path) -> None:
    result = _run(folder, WEEKLY)
    weeks = result["weekly"]["policy"]
    assert min(weeks) < 0.6  # in the week of the change nothing could know
    assert max(weeks) > 0.75


def test_too_little_history_and_a_missing_column_are_said(folder: Path) -> None:
    (folder / "policy.yaml").write_text(POLICY % "{}")
    base = ["backtest", "-f", str(folder / "policy.yaml"), "--training", str(folder / "training.yaml")]
    data = ["--data", str(folder / "history.parquet")]
    short = CliRunner().invoke(app, [*base, *data, "--time-column", "t", "--warm-up", "80d"])
    assert short.exit_code == 64
    assert "at least 14" in short.output.replace("\n", " ")
    absent = CliRunner().invoke(app, [*base, *data, "--time-column", "when"])
    assert absent.exit_code == 64
    assert "no column when" in absent.output.replace("\n", " ")


def test_beats_needs_an_interval_that_excludes_zero() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(size=40)
    assert versus(noise, rng.normal(size=40), "x", larger_is_better=True).verdict == "is not shown to differ from"
    assert versus(noise + 1, noise, "x", larger_is_better=True).verdict == "beats"
    assert versus(noise + 1, noise, "x", larger_is_better=False).verdict == "loses to"


def test_two_equal_strategies_differ_in_about_one_of_twenty_histories() -> None:
    rng = np.random.default_rng(1)
    weeks = 40
    shown = sum(
        versus(rng.normal(size=weeks), rng.normal(size=weeks), "x", larger_is_better=True).verdict
        != "is not shown to differ from"
        for _ in range(200)
    )
    assert shown / 200 <= 0.11
