"""Watching the new revision while it bakes, and mirroring while a step's evidence is short."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perennial.api.deployment_status import AnalysisStatus
from perennial.api.records.arms import ArmCounts
from perennial.api.rollout import Analysis, Rollout
from perennial.policy.rollout import Rules
from perennial.policy.rollout.analysis import mirror_share, watch
from perennial.policy.rollout.analysis.mirroring import LEVELS
from perennial.policy.rollout.arms import Arms
from tests.support.simulated_arms import Arm, Model

RULES = Rules.of(Rollout())
BASE = {"errorRate": 0.01, "latencyP95": 0.00911}
MINUTES = timedelta(minutes=1)


def baking(model: Model, seed: int = 0, looks: int = 1, many: int = 5000) -> list[Arms]:
    arm = Arm(model, np.random.default_rng(seed))
    seen = []
    for _ in range(looks):
        arm.serve(many)
        seen.append(Arms(ArmCounts(), arm.counts(), predicting=1))
    return seen


def test_a_revision_like_the_one_before_is_never_stopped_however_often_one_looks() -> None:
    stopped = [
        seed
        for seed in range(30)
        if any(watch(a, RULES, BASE)[0].result != "Short" for a in baking(Model(), seed, 10, 300))
    ]
    assert stopped == []


@pytest.mark.parametrize(
    ("model", "told"),
    [(Model(error_rate=0.05), "4.78% of 5000"), (Model(seconds=0.008), "95th percentile")],
    ids=["errors", "latency"],
)
def test_plain_harm_in_the_bake_is_stopped(model: Model, told: str) -> None:
    verdict, rows = watch(baking(model)[0], RULES, BASE)
    assert (verdict.result, verdict.reason) == ("Failed", "AnalysisFailed")
    assert told in verdict.message
    assert sum(r.result == "Failed" for r in rows) == 1


@pytest.mark.parametrize(("seconds", "result"), [(0.0011, "Short"), (0.004, "Failed")])
def test_a_millisecond_between_now_and_then_is_not_the_model(seconds: float, result: str) -> None:
    fast = {**BASE, "latencyP95": 0.0015}
    assert watch(baking(Model(seconds=seconds))[0], RULES, fast)[0].result == result
    strict = replace(RULES, analysis=(Analysis(metric="latencyP95", max_ratio=1.2, max=0.0015),))
    assert watch(baking(Model(seconds=seconds))[0], strict, fast)[0].result == "Failed"


def test_a_burst_of_errors_at_the_beginning_is_no_verdict() -> None:
    burst = baking(Model(error_rate=1.0), many=19)[0]
    assert watch(burst, RULES, BASE)[0].result == "Short"


def test_what_the_version_before_did_is_not_held_against_the_new_one() -> None:
    failing = baking(Model(error_rate=0.05))[0]
    assert watch(failing, RULES, {**BASE, "errorRate": 0.05})[0].result == "Short"


def test_what_nothing_is_known_of_is_not_judged_unless_the_rule_names_a_largest_value() -> None:
    relative = replace(RULES, analysis=tuple(a for a in RULES.analysis if a.metric != "errorRate"))
    relative = replace(relative, analysis=(*relative.analysis, Analysis(metric="errorRate", tolerance=0.01)))
    verdict, rows = watch(baking(Model(error_rate=0.5))[0], relative, {})
    assert verdict.result == "Short"
    assert {r.result for r in rows} == {"NotJudged"}
    assert watch(baking(Model(error_rate=0.5))[0], RULES, {})[0].result == "Failed"


def row(samples: int, needed: int | None, result: str = "Waiting") -> AnalysisStatus:
    return AnalysisStatus.model_validate(
        {"metric": "errorRate", "samples": samples, "needed": needed, "result": result}
    )


def share(*rows: AnalysisStatus, weight: int = 5, in_force: float = 0.0, room: float = 1.0, minutes: int = 1) -> float:
    return mirror_share(
        rows, weight=weight, in_force=in_force, room=room, elapsed=minutes * MINUTES, within=10 * MINUTES
    )


@pytest.mark.parametrize(
    ("samples", "mirror"),
    [
        (2000, 0.0),  # 2,000 a minute: complete in time by themselves
        (600, 10.0),  # 15 % of the requests are three times as many
        (250, 25.0),
        (150, 50.0),
        (20, 50.0),  # 100 % would be more than the candidate's pods bear
    ],
)
def test_as_little_is_mirrored_as_completes_the_evidence_in_time(samples: int, mirror: float) -> None:
    assert share(row(samples, 10_000)) == mirror


def test_a_candidate_with_half_of_stables_pods_is_not_loaded_beyond_what_they_bear() -> None:
    assert share(row(20, 10_000), room=0.5) == 25.0
    assert share(row(20, 10_000), room=0.01) == 0.0


def test_nothing_is_mirrored_before_there_is_a_rate_or_when_the_evidence_is_there() -> None:
    assert share() == 0.0
    assert share(row(0, None)) == 0.0
    assert share(row(0, 10_000)) == 0.0
    assert share(row(10_000, 10_000)) == 0.0
    assert share(row(100, 10_000, "Passed")) == 0.0


@given(
    samples=st.integers(0, 10**6),
    needed=st.one_of(st.none(), st.integers(1, 10**6)),
    weight=st.integers(1, 99),
    in_force=st.sampled_from(LEVELS),
    room=st.floats(0, 4),
    minutes=st.integers(0, 60),
)
def test_mirroring_is_one_of_few_levels_and_never_falls_within_a_step(
    samples: int, needed: int | None, weight: int, in_force: float, room: float, minutes: int
) -> None:
    level = share(row(samples, needed), weight=weight, in_force=in_force, room=room, minutes=minutes)
    assert level in LEVELS
    assert level >= in_force
