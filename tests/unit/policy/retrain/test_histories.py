"""Random histories of a policy: whatever happens, no brake is broken and every decision is explained."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from perennial.api.retrain import RetrainPolicySpec
from perennial.policy.retrain import (
    Decision,
    LabelFacts,
    NewDataFacts,
    PastRun,
    PerformanceFacts,
    PolicySnapshot,
    QualityFacts,
    decide,
)
from perennial.policy.retrain.cooldown import cooldown_length
from perennial.stats.verdicts import DriftState

START = datetime(2026, 3, 25, 9, 0, tzinfo=UTC)  # a change to summer time lies ahead in Berlin
SPEC = RetrainPolicySpec.model_validate(
    {
        "trainingRef": {"name": "late"},
        "deploymentRef": {"name": "late"},
        "triggers": {
            "schedule": {"cron": "30 2 * * *", "timeZone": "Europe/Berlin"},
            "drift": {},
            "performance": {"metric": "roc_auc", "min": 0.6},
            "newData": {"minObjects": 2},
        },
        "data": {"last": "60d", "timeColumn": "t"},
        "brakes": {"budget": {"cpuHours": 4, "per": "7d"}, "maxPerDay": 2, "stopAfterRefused": 2},
    }
)
outcomes = st.sampled_from(["Promoted", "Approved", "Refused", "Refused", "NotEnoughEvidence", "Overtaken", "Failed"])


class Histories(RuleBasedStateMachine):
    """A policy, a clock, and everything that may happen to them."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.policy = PolicySnapshot("late", SPEC, created_at=START, run_rows=30_000)
        self.decision: Decision | None = None
        self.manuals = 0
        self.catch_ups: list[datetime] = []
        self.repetitions: list[str] = []
        self.repeated: list[str] = []

    @rule(minutes=st.one_of(st.integers(1, 90), st.integers(60, 3000), st.integers(2000, 30_000)))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(state=st.sampled_from(["Clear", "Warning", "Drifted", "Acknowledged", "InsufficientData"]))
    def windows_are_judged(self, state: str) -> None:
        self.policy = replace(self.policy, drift=DriftState(state, 0.0, (), message=f"now {state}"))  # type: ignore[arg-type]

    @rule(state=st.sampled_from(["Clear", "Warning", "Lost", "InsufficientLabels"]))
    def cohorts_are_judged(self, state: str) -> None:
        self.policy = replace(self.policy, performance=PerformanceFacts(state))  # type: ignore[arg-type]

    @rule(objects=st.integers(0, 4))
    def data_is_listed(self, objects: int) -> None:
        self.policy = replace(self.policy, new_data=NewDataFacts(objects, checked_at=self.now))

    @rule(rows=st.one_of(st.none(), st.integers(0, 4000)))
    def labels_are_counted(self, rows: int | None) -> None:
        self.policy = replace(self.policy, labels=LabelFacts(rows, newest=self.now - timedelta(hours=3)))

    @rule(broken=st.booleans(), passes=st.booleans())
    def data_quality_changes(self, broken: bool, passes: bool) -> None:
        quality = QualityFacts(("x",), self.now, passes) if broken else QualityFacts()
        self.policy = replace(self.policy, quality=quality)

    @rule()
    def a_person_asks(self) -> None:
        self.manuals += 1
        self.policy = replace(self.policy, manual=str(self.manuals))

    @rule(suspend=st.booleans())
    def it_is_suspended_or_resumed(self, suspend: bool) -> None:
        self.policy = replace(self.policy, spec=SPEC.model_copy(update={"suspend": suspend}))

    @precondition(lambda self: any(r.outcome == "Running" for r in self.policy.runs))
    @rule(outcome=outcomes, cpu=st.integers(0, 7000))
    def the_run_ends(self, outcome: str, cpu: int) -> None:
        if outcome == "Overtaken" and self.policy.runs[-1].training in self.repetitions:
            outcome = "Failed"  # as the reconciler has it
        ended = [
            replace(r, outcome=outcome, finished_at=self.now, cpu_seconds=float(cpu)) if r.outcome == "Running" else r
            for r in self.policy.runs
        ]
        self.policy = replace(self.policy, runs=tuple(ended))

    @rule()
    def the_operator_looks(self) -> None:
        """What the reconciler does: decide, and record intent before it acts. It looks twice, as after a restart."""
        first, again = decide(self.policy, self.now), decide(self.policy, self.now)
        assert first == again
        assert self.now < first.next_check <= self.now + timedelta(minutes=10)
        self.decision = first
        if first.action == "Retrain":
            self._check_brakes(first)
            self._start(first)
            assert decide(self.policy, self.now).action != "Retrain"

    def _start(self, decision: Decision) -> None:
        assert decision.trigger is not None
        if decision.schedule_acted is not None:
            assert decision.schedule_acted not in self.catch_ups
            self.catch_ups.append(decision.schedule_acted)
        run = PastRun(f"late-{len(self.policy.runs)}", decision.trigger, self.now)
        if decision.repeats is not None:
            assert self.policy.runs[-1].training == decision.repeats
            assert decision.repeats not in [*self.repeated, *self.repetitions]
            self.repeated.append(decision.repeats)
            self.repetitions.append(run.training)
        self.policy = replace(
            self.policy,
            runs=(*self.policy.runs, run),
            manual_acted=self.policy.manual,
            last_schedule=decision.schedule_acted or self.policy.last_schedule,
        )

    def _check_brakes(self, decision: Decision) -> None:
        runs, brakes = [r for r in self.policy.runs if r.outcome != "Overtaken"], SPEC.brakes
        assert not self.policy.spec.suspend
        assert not any(r.outcome == "Running" for r in runs)
        week = [r for r in self.policy.runs if r.started_at > self.now - timedelta(days=7)]
        assert brakes.budget is not None
        assert sum(r.cpu_seconds or 0 for r in week) < brakes.budget.cpu_hours * 3600
        if decision.trigger == "Manual":
            assert self.policy.manual != self.policy.manual_acted or decision.repeats
            return
        if runs:
            assert runs[-1].finished_at is not None
            assert self.now >= runs[-1].finished_at + cooldown_length(self.policy, decision.trigger)
            assert self.now >= runs[-1].finished_at + timedelta(hours=24)
        assert sum(r.started_at > self.now - timedelta(hours=24) for r in runs) < brakes.max_per_day
        assert not self._last_two_of(decision.trigger, "Refused")
        if decision.trigger in ("Drift", "Performance"):
            assert (self.policy.labels.rows or 0) >= 1500
        if self.policy.quality.features and not self.policy.quality.data_passes:
            assert self.policy.quality.since is not None
            assert self.now >= self.policy.quality.since + timedelta(days=7)

    def _last_two_of(self, trigger: str, outcome: str) -> bool:
        since = max((i for i, r in enumerate(self.policy.runs) if r.outcome == "Promoted"), default=-1)
        own = [r for r in self.policy.runs[since + 1 :] if r.trigger == trigger and r.outcome == outcome]
        return len(own) >= 2

    @invariant()
    def never_two_runs(self) -> None:
        assert sum(r.outcome == "Running" for r in self.policy.runs) <= 1

    @invariant()
    def every_decision_is_explained(self) -> None:
        found = self.decision
        if found is None:
            return
        assert found.reason
        assert found.message
        assert len(found.explanation) >= 5
        if found.action == "Blocked":
            assert found.blocked_by
        if found.action == "Retrain" and found.data.start and found.data.end:
            assert found.data.end - found.data.start == timedelta(days=60)


Histories.TestCase.settings = settings(
    max_examples=2000 if os.environ.get("PERENNIAL_SOAK") else 200,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


class TestRandomHistories(Histories.TestCase):
    """Two hundred sequences in every run, two thousand under soak."""
