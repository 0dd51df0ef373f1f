"""A drift report: the order of changes, bins in words, a page that is whole by itself and believes no name."""

from html.parser import HTMLParser

import numpy as np
import pytest

from perennial.api.records.drift_report import DriftReport
from perennial.api.records.profile import Profile, Reference
from perennial.api.records.signature import InputColumn, Signature
from perennial.reports import drift_page, drift_report
from perennial.reports.drift import bin_labels
from perennial.runtime.monitoring import build_profile
from perennial.runtime.monitoring.replay import windows_of
from perennial.stats.drift import evaluate_window
from perennial.stats.drift_state import drift_state

HOUR, ROWS = 3600.0, 3000
NASTY = "a<script>alert(1)</script>"


def _columns(rng: np.random.Generator, rows: int) -> dict[str, np.ndarray]:
    return {name: rng.normal(size=rows) for name in ("early", "late", NASTY)}


@pytest.fixture(scope="module")
def profile() -> Profile:
    names = ("early", "late", NASTY)
    signature = Signature(
        task="Regression",
        inputs=[InputColumn(name=n, datatype="FP64", kind="numeric") for n in names],
        outputs=[],
    )
    return build_profile(_columns(np.random.default_rng(0), 20_000), signature)


@pytest.fixture(scope="module")
def report(profile: Profile) -> DriftReport:
    """Six hours; `early` moves in the third, `late` in the fifth."""
    rng = np.random.default_rng(1)
    columns = _columns(rng, 6 * ROWS)
    columns["early"][2 * ROWS :] += 1.5
    columns["late"][4 * ROWS :] += 3.0
    seconds = np.repeat(np.arange(6), ROWS) * HOUR + np.tile(np.linspace(0, HOUR - 1, ROWS), 6)
    records = list(windows_of(profile, columns, seconds, HOUR))
    verdicts = [evaluate_window(profile, r) for r in records]
    return drift_report(profile, records, verdicts, drift_state(verdicts), namespace="n", model="m")


def test_columns_stand_in_the_order_in_which_they_changed(report: DriftReport) -> None:
    assert [c.name for c in report.columns] == ["early", "late", NASTY]
    assert [c.first_alarm for c in report.columns] == ["1970-01-01T02:00:00Z", "1970-01-01T04:00:00Z", None]
    assert [c.drifted for c in report.columns] == [True, True, False]
    assert report.state == "Drifted"


def test_shares_of_each_column_add_up_and_the_change_is_in_them(report: DriftReport) -> None:
    for column in report.columns:
        assert sum(b.reference for b in column.bins) == pytest.approx(1)
        assert sum(b.window for b in column.bins) == pytest.approx(1)
        assert len(column.ratios) == len(report.windows) == 6
    late = report.columns[1].bins
    assert late[-2].window > 0.5 > late[-2].reference
    assert report.columns[1].ratios[0] < 0.5 < 1 < report.columns[1].ratios[5]  # type: ignore[operator]


def test_a_report_survives_storage(report: DriftReport) -> None:
    assert DriftReport.from_json(report.to_json()) == report


def test_the_page_is_whole_asks_for_nothing_and_runs_nothing(report: DriftReport) -> None:
    page = drift_page(report)
    found: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.append(tag)
            assert not {"src", "href", "onload", "onclick"} & {name for name, _ in attrs}

    Reader().feed(page)
    assert "script" not in found
    assert found.count("svg") == found.count("figure") == 3
    assert found.count("details") == 3  # every figure has its table
    assert "http" not in page.replace("http-equiv", "")
    assert "default-src 'none'" in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize(
    ("kind", "bins", "labels"),
    [
        ("numeric", {"edges": [1.5, 1234567.0]}, ["up to 1.5", "1.5 to 1.235e+06", "above 1.235e+06", "missing"]),
        ("boolean", {"edges": [0.5]}, ["false", "true", "missing"]),
        ("categorical", {"categories": ["AA"]}, ["AA", "any other", "missing"]),
        ("datetime", {"edges": [0.0]}, ["up to 1970-01-01T00:00:00Z", "above 1970-01-01T00:00:00Z", "missing"]),
        ("numeric", {}, ["any value", "missing"]),
    ],
)
def test_bins_are_told_in_words(kind: str, bins: dict[str, list[object]], labels: list[str]) -> None:
    reference = Reference(name="x", kind=kind, counts=[1] * len(labels), effective_rows=1, **bins)  # type: ignore[arg-type]
    assert bin_labels(reference) == labels
