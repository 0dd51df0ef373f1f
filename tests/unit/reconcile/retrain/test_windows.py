"""Which drift a refused challenger has shown to be no reason for another one."""

from datetime import timedelta
from typing import Any

from perennial.api.fields import parse_time
from perennial.api.retrain_status import DriftedSpan, RunEntry
from perennial.reconcile.retrain.windows import acknowledged
from perennial.stats.windows import ACKNOWLEDGED_FOR
from perennial.store.gc.plan import WINDOWS_KEPT

MODEL = "sha256:" + "a" * 64
SPAN = DriftedSpan(artifact=MODEL, start="2026-01-01T00:00:00Z", end="2026-01-01T03:00:00Z")
SOON = parse_time(SPAN.end) + timedelta(hours=1)
LATER = DriftedSpan(artifact=MODEL, start="2026-02-01T00:00:00Z", end="2026-02-01T03:00:00Z")


def entry(outcome: str, drifted: DriftedSpan | None = SPAN) -> RunEntry:
    fields: dict[str, Any] = {"training": "p-1", "trigger": "Drift", "started_at": "2026-01-01T04:00:00Z"}
    return RunEntry(**fields, outcome=outcome, drifted=drifted)


def test_only_a_refused_challenger_acknowledges_the_drift_that_called_for_it() -> None:
    assert acknowledged([entry("Refused")], MODEL, SOON) == SPAN
    for outcome in ("Running", "Approved", "Promoted", "Pending", "NotEnoughEvidence", "Failed"):
        assert acknowledged([entry(outcome)], MODEL, SOON) is None


def test_a_refused_challenger_that_no_drift_called_for_acknowledges_nothing() -> None:
    assert acknowledged([entry("Refused", None)], MODEL, SOON) is None


def test_drift_of_another_model_is_not_acknowledged() -> None:
    assert acknowledged([entry("Refused")], "sha256:" + "b" * 64, SOON) is None


def test_the_newest_of_several_refused_challengers_counts() -> None:
    now = parse_time(LATER.end)
    assert acknowledged([entry("Refused"), entry("Refused", LATER), entry("Approved")], MODEL, now) == LATER


def test_an_acknowledged_drift_counts_again_after_four_weeks_while_its_windows_are_still_kept() -> None:
    end = parse_time(SPAN.end) + timedelta(days=28)
    assert acknowledged([entry("Refused")], MODEL, end - timedelta(seconds=1)) == SPAN
    assert acknowledged([entry("Refused")], MODEL, end) is None
    assert ACKNOWLEDGED_FOR < WINDOWS_KEPT
