"""Which drift a refused challenger has shown to be no reason for another one."""

from typing import Any

from perennial.api.retrain_status import DriftedSpan, RunEntry
from perennial.reconcile.retrain.windows import acknowledged

MODEL = "sha256:" + "a" * 64
SPAN = DriftedSpan(artifact=MODEL, start="2026-01-01T00:00:00Z", end="2026-01-01T03:00:00Z")
LATER = DriftedSpan(artifact=MODEL, start="2026-02-01T00:00:00Z", end="2026-02-01T03:00:00Z")


def entry(outcome: str, drifted: DriftedSpan | None = SPAN) -> RunEntry:
    fields: dict[str, Any] = {"training": "p-1", "trigger": "Drift", "started_at": "2026-01-01T04:00:00Z"}
    return RunEntry(**fields, outcome=outcome, drifted=drifted)


def test_only_a_refused_challenger_acknowledges_the_drift_that_called_for_it() -> None:
    assert acknowledged([entry("Refused")], MODEL) == SPAN
    for outcome in ("Running", "Approved", "Promoted", "Pending", "NotEnoughEvidence", "Failed"):
        assert acknowledged([entry(outcome)], MODEL) is None


def test_a_refused_challenger_that_no_drift_called_for_acknowledges_nothing() -> None:
    assert acknowledged([entry("Refused", None)], MODEL) is None


def test_drift_of_another_model_is_not_acknowledged() -> None:
    assert acknowledged([entry("Refused")], "sha256:" + "b" * 64) is None


def test_the_newest_of_several_refused_challengers_counts() -> None:
    assert acknowledged([entry("Refused"), entry("Refused", LATER), entry("Approved")], MODEL) == LATER
