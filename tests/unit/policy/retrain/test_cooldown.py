from datetime import UTC, datetime, timedelta

from perennial.api.retrain import RetrainPolicySpec
from perennial.policy.retrain.cooldown import cooldown
from perennial.policy.retrain.snapshot import PastRun, PolicySnapshot

NOW = datetime(2026, 6, 10, 12, 0, tzinfo=UTC)
SPEC = RetrainPolicySpec.model_validate(
    {"trainingRef": {"name": "late"}, "deploymentRef": {"name": "late"}, "triggers": {"drift": {}}}
)


def test_it_counts_from_the_latest_end_also_when_two_runs_began_in_the_same_second() -> None:
    began = NOW - timedelta(hours=24)
    at_once = PastRun("late-0", "Manual", began, began, "Promoted")
    later = PastRun("late-1", "Manual", began, NOW - timedelta(hours=12), "Promoted")
    for runs in ((at_once, later), (later, at_once)):
        found = cooldown(PolicySnapshot("late", SPEC, NOW - timedelta(days=90), runs=runs), "Drift", NOW)
        assert found.holds
        assert found.until == NOW + timedelta(hours=12)
