"""The chain of checks: each brake and trigger by itself, and which reason a person reads."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from perennial.api.reasons import REASONS
from perennial.api.retrain import RetrainPolicySpec
from perennial.policy.retrain import (
    DataBounds,
    DaySpent,
    LabelFacts,
    NewDataFacts,
    PastRun,
    PerformanceFacts,
    PolicySnapshot,
    QualityFacts,
    decide,
)
from perennial.stats.verdicts import DriftState

NOW = datetime(2026, 6, 10, 12, 0, tzinfo=UTC)
DRIFTED = DriftState("Drifted", 0.5, (), message="distance 0.61 (limit 0.20, 2/3)")
LABELS = LabelFacts(rows=5000, newest=NOW)


def _spec(**changes: Any) -> RetrainPolicySpec:
    base: dict[str, Any] = {"trainingRef": {"name": "late"}, "deploymentRef": {"name": "late"}}
    return RetrainPolicySpec.model_validate({**base, "triggers": {"drift": {}}, **changes})


def _policy(spec: RetrainPolicySpec | None = None, **facts: Any) -> PolicySnapshot:
    return PolicySnapshot("late", spec or _spec(), NOW - timedelta(days=90), **facts)


def _run(age: timedelta, outcome: str = "Promoted", trigger: str = "Drift", **more: Any) -> PastRun:
    return PastRun("late-x", trigger, NOW - age, NOW - age + timedelta(hours=1), outcome, **more)  # type: ignore[arg-type]


def test_drift_with_labels_and_no_brake_retrains_and_says_what_was_seen() -> None:
    found = decide(_policy(drift=DRIFTED, labels=LABELS), NOW)
    assert (found.action, found.trigger, found.reason) == ("Retrain", "Drift", "Drift")
    assert found.message == DRIFTED.message


@pytest.mark.parametrize(
    ("facts", "spec", "reason"),
    [
        ({}, {"suspend": True}, "Suspended"),
        ({"training_running": True}, {}, "AlreadyRunning"),
        ({"runs": (PastRun("late-1", "Drift", NOW - timedelta(days=2)),)}, {}, "AlreadyRunning"),
        ({"quality": QualityFacts(("x",), NOW - timedelta(days=2))}, {}, "DataQuality"),
        (
            {"runs": (_run(timedelta(days=3), cpu_seconds=3600.0),)},
            {"brakes": {"budget": {"cpuHours": 1.5, "per": "7d"}}},
            "BudgetSpent",
        ),
        ({"runs": (_run(timedelta(days=80), "Refused"),) * 3}, {}, "CircuitOpen"),
        ({"runs": (_run(timedelta(hours=20)),)}, {}, "Cooldown"),
        ({"runs": (_run(timedelta(hours=2)),)}, {"brakes": {"cooldown": "1h", "maxPerDay": 1}}, "DailyLimit"),
        ({"labels": LabelFacts(rows=999)}, {}, "NewLabels"),
        ({"labels": LabelFacts(rows=None)}, {}, "NewLabels"),
    ],
)
def test_each_brake_holds_by_itself_with_its_own_reason(
    facts: dict[str, Any], spec: dict[str, Any], reason: str
) -> None:
    found = decide(_policy(_spec(**spec), **{"drift": DRIFTED, "labels": LABELS, **facts}), NOW)
    assert (found.action, found.blocked_by) == ("Blocked", (reason,))
    assert found.reason in REASONS
    assert found.message


@pytest.mark.parametrize(
    ("facts", "spec", "reason"),
    [
        ({"training_exists": False}, {}, "TrainingNotFound"),
        ({"deployment_exists": False}, {}, "DeploymentNotFound"),
        ({"older_policy": "first"}, {}, "DuplicatePolicy"),
        ({}, {"triggers": {"schedule": {"cron": "0 0 31 2 *"}}}, "SpecInvalid"),
        ({}, {"triggers": {"schedule": {"cron": "0 99 * * *"}}}, "SpecInvalid"),
        ({}, {"triggers": {"schedule": {"cron": "0 0 * * *", "timeZone": "Mars/Olympus"}}}, "SpecInvalid"),
    ],
)
def test_what_cannot_work_stalls_with_a_sentence_that_names_it(
    facts: dict[str, Any], spec: dict[str, Any], reason: str
) -> None:
    found = decide(_policy(_spec(**spec), **facts), NOW)
    assert (found.action, found.reason) == ("Stalled", reason)
    assert any(word in found.message for word in ("late", "first", "31 2", "99", "Mars"))


@pytest.mark.parametrize("state", ["Clear", "Warning", "Acknowledged", "InsufficientData"])
def test_no_other_state_than_drifted_retrains(state: Any) -> None:
    assert decide(_policy(drift=DriftState(state, 0.0, ()), labels=LABELS), NOW).action == "Wait"


@pytest.mark.parametrize("state", ["Clear", "Warning", "InsufficientLabels"])
def test_no_other_performance_than_lost_retrains(state: Any) -> None:
    spec = _spec(triggers={"performance": {"metric": "roc_auc", "min": 0.6}})
    assert decide(_policy(spec, performance=PerformanceFacts(state), labels=LABELS), NOW).action == "Wait"
    assert decide(_policy(spec, performance=PerformanceFacts("Lost"), labels=LABELS), NOW).action == "Retrain"


def test_a_person_passes_every_brake_but_suspension_a_running_one_and_the_budget() -> None:
    runs = tuple(_run(timedelta(hours=h), "Refused", cpu_seconds=60.0) for h in (9, 7, 5, 3))
    held = _policy(runs=runs, quality=QualityFacts(("x",), NOW), manual="1718")
    assert decide(held, NOW).action == "Retrain"
    assert decide(replace(held, spec=_spec(suspend=True)), NOW).blocked_by == ("Suspended",)
    assert decide(replace(held, training_running=True), NOW).blocked_by == ("AlreadyRunning",)
    poor = _spec(brakes={"budget": {"cpuHours": 0.05}})
    assert decide(replace(held, spec=poor), NOW).blocked_by == ("BudgetSpent",)


def test_short_jobs_are_in_the_budget_until_their_day_has_left_the_period() -> None:
    spec = _spec(brakes={"budget": {"cpuHours": 0.5, "per": "7d"}})
    today, week = (DaySpent(NOW.replace(hour=0) - timedelta(days=d), 1800.0) for d in (0, 8))
    held = decide(_policy(spec, drift=DRIFTED, labels=LABELS, tasks=(today,)), NOW)
    assert held.blocked_by == ("BudgetSpent",)
    assert "0.50 of 0.5 CPU hours" in held.message
    assert decide(_policy(spec, drift=DRIFTED, labels=LABELS, tasks=(week,)), NOW).action == "Retrain"


def test_what_the_training_data_looks_like_is_told_where_broken_requests_hold_a_run() -> None:
    facts = QualityFacts(("x",), NOW - timedelta(days=1), told="the training data is being checked")
    assert (
        "the training data is being checked"
        in decide(_policy(drift=DRIFTED, labels=LABELS, quality=facts), NOW).message
    )


def test_an_annotation_acts_once() -> None:
    assert decide(_policy(manual="7", manual_acted="7"), NOW).action == "Wait"
    assert decide(_policy(manual="8", manual_acted="7"), NOW).action == "Retrain"


def test_triggers_that_arrive_while_blocked_become_one_run_that_names_them_all() -> None:
    spec = _spec(triggers={"drift": {}, "newData": {}, "schedule": {"cron": "0 3 * * *"}})
    policy = _policy(
        spec, drift=DRIFTED, labels=LABELS, new_data=NewDataFacts(3), last_schedule=NOW - timedelta(days=9)
    )
    found = decide(policy, NOW)
    assert (found.trigger, found.triggers) == ("Drift", ("Drift", "NewData", "Schedule"))
    assert found.schedule_acted == datetime(2026, 6, 10, 3, 0, tzinfo=UTC)
    after = replace(policy, drift=None, new_data=NewDataFacts(0), last_schedule=found.schedule_acted)
    assert decide(after, NOW).action == "Wait"


def test_a_trigger_behind_a_brake_does_not_hold_back_one_that_is_free() -> None:
    spec = _spec(triggers={"drift": {}, "schedule": {"cron": "0 3 * * *"}})
    found = decide(_policy(spec, drift=DRIFTED, labels=LabelFacts(0)), NOW)
    assert (found.action, found.trigger) == ("Retrain", "Schedule")


def test_the_circuit_counts_per_trigger_and_not_enough_evidence_never() -> None:
    runs = tuple(_run(timedelta(days=60 + i), "Refused", "Schedule") for i in range(5))
    assert decide(_policy(drift=DRIFTED, labels=LABELS, runs=runs), NOW).action == "Retrain"
    runs = tuple(_run(timedelta(days=60 + i), "NotEnoughEvidence") for i in range(5))
    assert decide(_policy(drift=DRIFTED, labels=LABELS, runs=runs), NOW).action == "Retrain"


def test_a_run_whose_data_was_overtaken_is_repeated_past_every_brake_that_counts_runs() -> None:
    spec = _spec(brakes={"cooldown": "24h", "maxPerDay": 1, "stopAfterRefused": 1})
    lost = replace(_run(timedelta(hours=2), "Overtaken", "Manual"), training="late-7")
    found = decide(_policy(spec, runs=(lost,), manual="7", manual_acted="7"), NOW)
    assert (found.action, found.trigger, found.reason, found.repeats) == (
        "Retrain", "Manual", "DataOvertaken", "late-7"
    )  # fmt: skip
    assert "late-7" in found.message
    drifted = replace(lost, trigger="Drift")
    both = decide(_policy(spec, runs=(drifted,), drift=DRIFTED, labels=LABELS), NOW)
    assert (both.action, both.triggers, both.repeats) == ("Retrain", ("Drift",), "late-7")


def test_a_run_that_followed_an_overtaken_one_is_its_repetition_whatever_became_of_it() -> None:
    lost, failed = _run(timedelta(hours=50), "Overtaken"), _run(timedelta(hours=40), "Failed")
    assert decide(_policy(runs=(lost, failed), drift=DriftState("Clear", 0.0, ())), NOW).action == "Wait"


def test_an_overtaken_run_is_not_repeated_while_a_brake_holds() -> None:
    held = _policy(_spec(suspend=True), runs=(_run(timedelta(hours=2), "Overtaken"),), labels=LABELS)
    assert decide(held, NOW).blocked_by == ("Suspended",)


@pytest.mark.parametrize("reset", ["promotion", "annotation"])
def test_a_promotion_or_a_reset_closes_the_circuit(reset: str) -> None:
    runs = tuple(_run(timedelta(days=80 - i), "Refused") for i in range(3))
    if reset == "promotion":
        policy = _policy(drift=DRIFTED, labels=LABELS, runs=(*runs, _run(timedelta(days=70), "Promoted", "Manual")))
    else:
        policy = _policy(drift=DRIFTED, labels=LABELS, runs=runs, reset_at=NOW - timedelta(hours=1))
    assert decide(policy, NOW).action == "Retrain"


def test_the_cooldown_is_a_day_or_twice_the_last_training_and_doubles_with_refusals() -> None:
    def earliest(*runs: PastRun) -> datetime | None:
        found = decide(_policy(_spec(brakes={"stopAfterRefused": 9}), drift=DRIFTED, labels=LABELS, runs=runs), NOW)
        assert found.blocked_by == ("Cooldown",)
        return found.next_check

    base = NOW - timedelta(minutes=5)
    short = replace(_run(timedelta(0)), started_at=base, finished_at=base)
    near = NOW + timedelta(minutes=10)
    assert earliest(short) == near
    day_old = replace(short, finished_at=NOW - timedelta(hours=24) + timedelta(minutes=3))
    assert earliest(day_old) == NOW + timedelta(minutes=3)
    long_run = replace(day_old, wall_seconds=20 * 3600.0, finished_at=NOW - timedelta(hours=40) + timedelta(minutes=2))
    assert earliest(long_run) == NOW + timedelta(minutes=2)
    refused = replace(day_old, outcome="Refused", finished_at=NOW - timedelta(hours=48) + timedelta(minutes=4))
    assert earliest(refused) == NOW + timedelta(minutes=4)


def test_broken_data_blocks_for_seven_days_at_most_and_not_when_the_training_data_is_sound() -> None:
    def action(since: timedelta, passes: bool = False) -> str:
        quality = QualityFacts(("x",), NOW - since, passes)
        return decide(_policy(drift=DRIFTED, labels=LABELS, quality=quality), NOW).action

    assert action(timedelta(days=6)) == "Blocked"
    assert action(timedelta(days=7)) == "Retrain"
    assert action(timedelta(days=1), passes=True) == "Retrain"


def test_needed_labels_grow_with_the_run() -> None:
    policy = _policy(drift=DRIFTED, labels=LabelFacts(rows=1500), run_rows=40_000)
    assert "2000 are needed" in decide(policy, NOW).message
    assert decide(replace(policy, run_rows=20_000), NOW).action == "Retrain"
    assert decide(replace(policy, labels=LabelFacts(countable=False)), NOW).action == "Retrain"


def test_the_data_window_ends_at_the_newest_labelled_row_and_contains_it() -> None:
    spec = _spec(data={"last": "60d", "timeColumn": "t"})
    newest = NOW - timedelta(days=9)
    found = decide(_policy(spec, drift=DRIFTED, labels=LabelFacts(5000, newest=newest), label_delay=7 * 86400.0), NOW)
    end = newest + timedelta(seconds=1)
    assert found.data == DataBounds(end - timedelta(days=60), end)
    fresh = decide(_policy(spec, drift=DRIFTED, labels=LabelFacts(5000, newest=NOW), label_delay=7 * 86400.0), NOW)
    assert fresh.data.end == NOW - timedelta(days=7)


def test_new_data_by_rows_waits_for_the_count() -> None:
    spec = _spec(triggers={"newData": {"minRows": 100}})
    assert decide(_policy(spec, new_data=NewDataFacts(4)), NOW).action == "Wait"
    assert decide(_policy(spec, new_data=NewDataFacts(4, rows=99)), NOW).action == "Wait"
    assert decide(_policy(spec, new_data=NewDataFacts(4, rows=100)), NOW).action == "Retrain"


def test_the_next_look_is_when_something_may_change() -> None:
    spec = _spec(triggers={"newData": {"pollInterval": "5m"}, "schedule": {"cron": "4 12 * * *"}})
    policy = _policy(spec, new_data=NewDataFacts(0, checked_at=NOW), last_schedule=NOW)
    assert decide(policy, NOW).next_check == NOW + timedelta(minutes=4)


def test_a_count_of_labels_that_failed_holds_drift_and_is_said_with_its_cause() -> None:
    found = decide(_policy(drift=DRIFTED, labels=LabelFacts(trouble="Job late-count-1 failed")), NOW)
    assert (found.action, found.reason) == ("Blocked", "NewLabels")
    assert "could not be counted: Job late-count-1 failed" in found.message


def test_a_count_of_new_rows_that_failed_holds_no_other_trigger() -> None:
    spec = _spec(triggers={"newData": {"minRows": 10}})
    failed = NewDataFacts(3, None, NOW, "Job late-count-1 failed")
    waiting = decide(_policy(spec, new_data=failed), NOW)
    assert waiting.action == "Wait"
    assert "rows could not be counted: Job late-count-1 failed" in waiting.message
    assert decide(_policy(spec, new_data=failed, manual="1"), NOW).action == "Retrain"
