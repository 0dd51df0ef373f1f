"""Rollouts that judge a candidate on copies of requests: Shadow step by step, BlueGreen once and at full size."""

from dataclasses import replace
from datetime import timedelta

import pytest

from perennial.api.rollout import Rollout, Step
from perennial.policy.rollout import RevisionHealth, RolloutState, Rules, Stage, StepRule, advance
from perennial.policy.rollout.facts import Facts, StepVerdict
from perennial.policy.rollout.shape import Running, shape
from tests.unit.policy.rollout.test_advance import GOOD, ONE, RULES, STEPS, T0, TWO, facts, promoted, stable_one, walk

SHADOW = replace(RULES, strategy="Shadow")
BLUE_GREEN = replace(RULES, strategy="BlueGreen", steps=STEPS[-1:])
BAD = StepVerdict("Failed", "AnalysisFailed", "12 % of 300 requests failed", 300)


def by_role(state: RolloutState, rules: Rules, size: int) -> dict[str, Running]:
    return {one.role: one for one in shape(state, rules, size)}


def walked(rules: Rules, seen: Facts) -> list[tuple[str, int, int, int]]:
    """Stage, stable's weight, its copies and the candidate's replicas on the way, each once."""
    state, now, way = stable_one(), T0, []
    for _ in range(60):
        state = advance(state, seen, rules, now).state
        now += timedelta(seconds=30)
        if state.candidate is None:
            break
        running = by_role(state, rules, seen.size)
        stable, candidate = running["stable"], running["candidate"]
        way.append((state.candidate.stage.value, stable.weight, stable.copied, candidate.replicas))
    return list(dict.fromkeys(way))


def test_a_shadow_answers_nothing_and_gets_copies_at_the_steps_share_until_it_is_switched_to() -> None:
    assert walked(SHADOW, replace(facts(TWO, size=4, verdict=GOOD), health=full(4))) == [
        ("Preparing", 0, 0, 1),
        ("Stepping", 0, 5, 1),
        ("Stepping", 0, 50, 2),
        ("Promoting", 0, 50, 4),
        ("Switching", 100, 0, 4),
    ]


def test_blue_green_is_at_full_size_from_the_start_looks_once_at_copies_and_switches_at_once() -> None:
    assert walked(BLUE_GREEN, replace(facts(TWO, size=4, verdict=GOOD), health=full(4))) == [
        ("Preparing", 0, 0, 4),
        ("Stepping", 0, 50, 4),
        ("Promoting", 0, 50, 4),
        ("Switching", 100, 0, 4),
    ]


def full(size: int, *, of_candidate: int | None = None) -> dict[str, RevisionHealth]:
    ready = size if of_candidate is None else of_candidate
    return {ONE.key: RevisionHealth(size, size), TWO.key: RevisionHealth(size, ready)}


def test_blue_green_compares_nothing_before_every_pod_of_the_candidate_is_ready() -> None:
    state = advance(stable_one(), facts(TWO, ONE), BLUE_GREEN, T0).state
    some = replace(facts(TWO, size=3), health=full(3, of_candidate=2))
    held = advance(state, some, BLUE_GREEN, T0)
    assert (held.reason, held.state.candidate and held.state.candidate.stage) == ("CandidateStarting", Stage.PREPARING)
    assert "2 of 3 pods are ready" in held.message
    all_of_them = advance(state, replace(some, health=full(3)), BLUE_GREEN, T0).state.candidate
    assert all_of_them is not None
    assert all_of_them.stage is Stage.STEPPING


@pytest.mark.parametrize("rules", [SHADOW, BLUE_GREEN], ids=["shadow", "blue-green"])
def test_a_failed_analysis_of_copies_ends_it_before_any_request_was_answered_by_the_candidate(rules: Rules) -> None:
    state, now, sent = stable_one(), T0, []
    for _ in range(20):
        move = advance(state, facts(TWO, ONE, TWO, verdict=BAD), rules, now)
        state, now = move.state, now + timedelta(seconds=30)
        sent.append(by_role(state, rules, 2)["stable"].weight)
    assert set(sent) == {0}
    assert state.is_rejected(TWO.artifact)
    assert [(one.role, one.revision) for one in shape(state, rules, 2)] == [("stable", state.stable)]
    later = advance(state, facts(TWO, ONE, TWO, verdict=GOOD), rules, now + timedelta(days=365))
    assert later.reason == "VersionRejected"


@pytest.mark.parametrize("rules", [SHADOW, BLUE_GREEN], ids=["shadow", "blue-green"])
def test_manual_approval_keeps_copying_and_waits_for_a_word(rules: Rules) -> None:
    manual = replace(rules, manual=True)
    state, _, now = walk(stable_one(), T0, manual, facts(TWO, ONE, TWO, verdict=GOOD), timedelta(hours=5))
    assert state.candidate is not None
    assert state.candidate.stage is Stage.AWAITING
    stable = by_role(state, manual, 2)["stable"]
    assert (stable.weight, stable.copied) == (0, 50)
    told = advance(promoted(state), facts(TWO, ONE, TWO, verdict=GOOD), manual, now)
    assert told.reason == "PromotionApproved"


@pytest.mark.parametrize("rules", [SHADOW, BLUE_GREEN], ids=["shadow", "blue-green"])
def test_a_person_may_switch_before_the_evidence_on_copies_is_complete(rules: Rules) -> None:
    short = facts(TWO, ONE, TWO, verdict=StepVerdict("Short", requests=3))
    state = stable_one()
    for _ in range(2):
        state = advance(state, facts(TWO, ONE, TWO), rules, T0).state
    assert advance(state, short, rules, T0).reason == "Stepping"
    assert advance(promoted(state), short, rules, T0).reason == "PromotionApproved"
    assert advance(promoted(state), facts(TWO, ONE, TWO, verdict=BAD), rules, T0).event == "RolledBack"


def test_blue_green_bakes_with_the_previous_one_at_full_size_and_goes_back_at_once() -> None:
    state, now = stable_one(), T0
    while not (state.previous and state.previous.baking):
        state = advance(state, facts(TWO, ONE, TWO, verdict=GOOD), BLUE_GREEN, now).state
        now += timedelta(minutes=1)
    running = by_role(state, BLUE_GREEN, 2)
    assert (running["previous"].replicas, running["stable"].revision.version) == (2, 2)
    back = advance(state, facts(TWO, ONE, TWO, rollback="asked for by ada: wrong"), BLUE_GREEN, now).state
    assert back.stable is not None
    assert (back.stable.version, back.candidate, back.previous) == (1, None, None)


def test_blue_green_takes_the_last_of_the_default_steps_and_what_is_written_where_it_is() -> None:
    assert [s.weight for s in Rules.of(Rollout(strategy="BlueGreen")).steps] == [50]
    written = Rules.of(Rollout(strategy="BlueGreen", steps=[Step(weight=10, min_requests=7, min_duration="1s")]))
    assert written.steps == (StepRule(10, 7, timedelta(seconds=1)),)
    assert [s.weight for s in Rules.of(Rollout(strategy="Shadow")).steps] == [5, 25, 50]
