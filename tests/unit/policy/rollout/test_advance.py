"""A rollout walked through, and the rules that end it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perennial.policy.rollout import (
    Facts,
    Move,
    Revision,
    RevisionHealth,
    RolloutState,
    Rules,
    Stage,
    StepRule,
    Wanted,
    advance,
)
from perennial.policy.rollout.facts import StepVerdict
from perennial.policy.rollout.shape import shape

T0 = datetime(2026, 3, 1, tzinfo=UTC)
ONE = Revision("1" * 64, "sha256:one", "img:1", 1)
TWO = Revision("2" * 64, "sha256:two", "img:1", 2)
STEPS = (StepRule(5, 200, timedelta(minutes=2)), StepRule(50, 200, timedelta(minutes=2)))
RULES = Rules(steps=STEPS, bake=timedelta(minutes=10))
UP = RevisionHealth(replicas=2, ready=2)
GOOD = StepVerdict("Passed", requests=1000)


def facts(wanted: Revision | None, *up: Revision, size: int = 2, **more: Any) -> Facts:
    health = {r.key: UP for r in up}
    return Facts(wanted=Wanted(wanted, "WaitingForFirstVersion", "none yet"), size=size, health=health, **more)


def walk(
    state: RolloutState, now: datetime, rules: Rules, given_facts: Facts, until: timedelta
) -> tuple[RolloutState, list[str], datetime]:
    """Look as often as asked for until nothing happens any more or the time is over."""
    events, end = [], now + until
    while True:
        move = advance(state, given_facts, rules, now)
        state = move.state
        if move.event:
            events.append(move.event)
        if move.check_after is None or now + move.check_after > end:
            return state, events, now
        now += max(move.check_after, timedelta(milliseconds=100))


def promoted(state: RolloutState) -> RolloutState:
    """As after a person's word about the candidate."""
    assert state.candidate is not None
    return replace(state, candidate=replace(state.candidate, promoted="ada: it is urgent"))


def stable_one() -> RolloutState:
    state, _, _ = walk(RolloutState(), T0, RULES, facts(ONE, ONE), timedelta(hours=1))
    return state


def test_the_first_version_is_promoted_with_its_first_ready_pod() -> None:
    waiting = advance(RolloutState(), facts(None), RULES, T0)
    assert waiting.reason == "WaitingForFirstVersion"
    started = advance(RolloutState(), facts(ONE), RULES, T0)
    assert started.state.candidate is not None
    assert advance(started.state, facts(ONE), RULES, T0).state.stable is None
    state, events, _ = walk(started.state, T0, RULES, facts(ONE, ONE), timedelta(hours=1))
    assert state.stable is not None
    assert state.stable.version == 1
    assert events[-1] == "Promoted"


def test_a_good_candidate_goes_through_every_step_then_switches_bakes_and_is_promoted() -> None:
    state, events, _ = walk(stable_one(), T0, RULES, facts(TWO, ONE, TWO, verdict=GOOD), timedelta(days=3))
    assert events == [
        "RolloutStarted",
        "CandidateReady",
        "StepPassed",
        "StepsPassed",
        "Switching",
        "Switched",
        "Promoted",
    ]
    assert state.stable is not None
    assert state.stable.version == 2
    assert state.previous is None
    assert state.candidate is None


def test_the_weights_on_the_way_are_those_of_the_steps_and_stable_keeps_its_size() -> None:
    state, now = stable_one(), T0
    seen: list[tuple[str, int, int]] = []
    for _ in range(60):
        move = advance(state, facts(TWO, ONE, TWO, verdict=GOOD), RULES, now)
        state, now = move.state, now + timedelta(seconds=30)
        running = {r.role: r for r in shape(state, RULES, 2)}
        if state.candidate is None:
            break
        seen.append((state.candidate.stage.value, running["stable"].weight, running["stable"].replicas))
    assert list(dict.fromkeys(seen)) == [
        ("Preparing", 0, 2),
        ("Stepping", 5, 2),
        ("Stepping", 50, 2),
        ("Promoting", 50, 2),
        ("Switching", 100, 2),
    ]
    assert running["stable"].revision.version == 2
    assert running["previous"].replicas == 2
    assert running["previous"].towards == running["stable"].revision
    assert (running["stable"].towards, running["stable"].weight) == (running["previous"].revision, 0)
    settled, _, _ = walk(state, now, RULES, facts(TWO, ONE, TWO, verdict=GOOD), timedelta(hours=1))
    assert {r.role: r.towards for r in shape(settled, RULES, 2)} == {"stable": None, "previous": settled.stable}


@pytest.mark.parametrize("result", ["Failed", "Gross"])
def test_a_bad_verdict_rolls_back_remembers_the_digest_and_never_tries_again(result: Any) -> None:
    bad = StepVerdict(result, "AnalysisFailed", "12 % of 300 requests failed", 300)
    state, events, now = walk(stable_one(), T0, RULES, facts(TWO, ONE, TWO, verdict=bad), timedelta(days=30))
    assert events == ["RolloutStarted", "CandidateReady", "RolledBack"]
    assert state.stable is not None
    assert state.stable.version == 1
    assert state.history[-1].result == "RolledBack"
    again = advance(state, facts(TWO, ONE, TWO, verdict=GOOD), RULES, now + timedelta(days=365))
    assert again.reason == "VersionRejected"
    assert "perennial.dev/promote" in again.message


def test_a_bad_verdict_in_the_bake_goes_back_at_once() -> None:
    state = stable_one()
    now = T0
    while not (state.previous and state.previous.baking):
        state = advance(state, facts(TWO, ONE, TWO, verdict=GOOD), RULES, now).state
        now += timedelta(minutes=1)
    back = advance(state, facts(TWO, ONE, TWO, verdict=StepVerdict("Failed", "AnalysisFailed", "slow")), RULES, now)
    assert back.state.stable is not None
    assert back.state.stable.version == 1
    assert back.state.is_rejected(TWO.artifact)
    running = shape(back.state, RULES, 2)
    assert [(r.role, r.revision.version, r.replicas) for r in running] == [("stable", 1, 2)]


def test_no_evidence_is_no_rejection_and_is_tried_again_after_1_2_4_hours_up_to_24() -> None:
    rules = replace(RULES, wait_for=timedelta(minutes=30))
    short = facts(TWO, ONE, TWO, verdict=StepVerdict("Short", requests=10))
    state, now, waits = stable_one(), T0, []
    for _ in range(7):
        state, events, now = walk(state, now, rules, short, timedelta(minutes=45))
        assert events[-1] == "Inconclusive"
        held = advance(state, short, rules, now)
        assert held.reason == "Inconclusive"
        assert held.check_after is not None
        again = state.retry_at(TWO.artifact)
        assert again is not None
        waits.append(again - state.history[-1].at)
        now = again
    assert waits == [timedelta(hours=h) for h in (1, 2, 4, 8, 16, 24, 24)]
    assert not state.rejected


def test_best_effort_goes_on_with_enough_requests_and_required_does_not() -> None:
    short = facts(TWO, ONE, TWO, verdict=StepVerdict("Short", requests=250))
    _, events, _ = walk(stable_one(), T0, RULES, short, timedelta(minutes=70))
    assert "StepPassed" in events
    _, events, _ = walk(stable_one(), T0, replace(RULES, required=True), short, timedelta(minutes=40))
    assert events[-1] == "Inconclusive"


def test_a_step_lasts_at_least_its_duration_however_good_the_verdict() -> None:
    state = stable_one()
    for _ in range(2):
        state = advance(state, facts(TWO, ONE, TWO, verdict=GOOD), RULES, T0).state
    assert state.candidate is not None
    assert state.candidate.stage is Stage.STEPPING
    early = advance(state, facts(TWO, ONE, TWO, verdict=GOOD), RULES, T0 + timedelta(seconds=119))
    assert early.state.candidate is not None
    assert early.state.candidate.step == 0
    later = advance(state, facts(TWO, ONE, TWO, verdict=GOOD), RULES, T0 + timedelta(seconds=120))
    assert later.state.candidate is not None
    assert later.state.candidate.step == 1


def test_a_newer_version_supersedes_a_candidate_and_starts_over() -> None:
    three = replace(TWO, key="3" * 64, artifact="sha256:three", version=3)
    state, _, now = walk(stable_one(), T0, RULES, facts(TWO, ONE, TWO), timedelta(minutes=1))
    move = advance(state, facts(three, ONE, TWO), RULES, now)
    assert move.event == "Superseded"
    assert move.state.candidate is None
    started = advance(move.state, facts(three, ONE), RULES, now).state
    assert started.candidate is not None
    assert started.candidate.revision.version == 3
    assert not started.rejected


def test_a_crashing_candidate_is_rejected_and_a_slow_one_is_inconclusive() -> None:
    crashing = RevisionHealth(replicas=1, restarts=3, problem="exit code 1")
    state = advance(stable_one(), facts(TWO, ONE), RULES, T0).state
    looked = replace(facts(TWO, ONE), health={ONE.key: UP, TWO.key: crashing})
    assert advance(state, looked, RULES, T0).event == "RolledBack"
    slow = replace(looked, health={ONE.key: UP, TWO.key: RevisionHealth(replicas=1)})
    assert advance(state, slow, RULES, T0 + timedelta(minutes=11)).event == "Inconclusive"


def test_a_candidate_whose_server_refuses_its_model_is_rejected_at_once_and_the_reason_is_kept() -> None:
    why = "the server refused the model: DigestMismatch: model.skops"
    state = advance(stable_one(), facts(TWO, ONE), RULES, T0).state
    looked = replace(facts(TWO, ONE), health={ONE.key: UP, TWO.key: RevisionHealth(1, 0, refused=why)})
    move = advance(state, looked, RULES, T0)
    assert (move.reason, move.event, move.state.stable) == ("ModelRefused", "RolledBack", state.stable)
    held = advance(move.state, facts(TWO, ONE), RULES, T0 + timedelta(days=1))
    assert (held.reason, why in held.message) == ("VersionRejected", True)


def test_a_first_version_that_is_refused_waits_under_that_reason_and_a_pod_in_an_odd_place_rejects_nothing() -> None:
    why = "the server refused the model: DigestMismatch: model.skops"
    first = advance(RolloutState(), facts(ONE), RULES, T0).state
    refused = replace(facts(ONE), health={ONE.key: RevisionHealth(1, 0, refused=why)})
    move = advance(first, refused, RULES, T0)
    assert (move.reason, move.state, why in move.message) == ("ModelRefused", first, True)
    state = advance(stable_one(), facts(TWO, ONE), RULES, T0).state
    one_of_two = replace(facts(TWO, ONE), health={ONE.key: UP, TWO.key: RevisionHealth(2, 1, 1, refused=why)})
    assert advance(state, one_of_two, RULES, T0).event != "RolledBack"


def test_a_stable_without_ready_pods_for_a_minute_makes_way() -> None:
    dead = RevisionHealth(replicas=2, unready_since=T0)
    state, _, _ = walk(stable_one(), T0, RULES, facts(TWO, ONE, TWO), timedelta(seconds=10))
    looked = replace(facts(TWO, TWO), health={ONE.key: dead, TWO.key: UP})
    assert advance(state, looked, RULES, T0 + timedelta(seconds=59)).reason == "Stepping"
    assert advance(state, looked, RULES, T0 + timedelta(seconds=60)).reason == "StableUnavailable"


def test_going_back_to_an_earlier_stable_needs_no_steps_but_is_ready_before_the_selector_moves() -> None:
    state, _, now = walk(stable_one(), T0, RULES, facts(TWO, ONE, TWO, verdict=GOOD), timedelta(days=3))
    _, events, _ = walk(state, now, RULES, facts(ONE, ONE, TWO, verdict=GOOD), timedelta(days=1))
    assert events[:4] == ["RolloutStarted", "CandidateReady", "Switching", "Switched"]


def test_a_persons_rollback_after_the_bake_brings_the_kept_one_to_full_size_first() -> None:
    state, _, now = walk(stable_one(), T0, RULES, facts(TWO, ONE, TWO, verdict=GOOD), timedelta(hours=1))
    assert state.previous is not None
    assert not state.previous.baking
    told = advance(state, facts(TWO, ONE, TWO, rollback="asked for by ada: wrong"), RULES, now)
    assert told.state.stable is not None
    assert told.state.stable.version == 2
    assert told.state.candidate is not None
    assert told.state.candidate.stage is Stage.PROMOTING
    end, _, _ = walk(told.state, now, RULES, facts(TWO, ONE, TWO, verdict=GOOD), timedelta(hours=1))
    assert end.stable is not None
    assert end.stable.version == 1


def test_paused_holds_and_manual_approval_waits_for_a_word() -> None:
    _, events, _ = walk(
        stable_one(), T0, replace(RULES, paused=True), facts(TWO, ONE, TWO, verdict=GOOD), timedelta(days=2)
    )
    assert events == ["RolloutStarted"]
    manual = replace(RULES, manual=True)
    state, _, now = walk(stable_one(), T0, manual, facts(TWO, ONE, TWO, verdict=GOOD), timedelta(hours=2))
    assert state.candidate is not None
    assert state.candidate.stage is Stage.AWAITING
    move: Move = advance(promoted(state), facts(TWO, ONE, TWO, verdict=GOOD), manual, now)
    assert move.reason == "PromotionApproved"


healths = st.builds(RevisionHealth, replicas=st.just(2), ready=st.integers(0, 2), restarts=st.integers(0, 4))
verdicts = st.sampled_from(["Short", "Passed", "Failed", "Gross"]).map(lambda r: StepVerdict(r, "R", "m", 500))
looks = st.lists(
    st.tuples(
        st.sampled_from([ONE, TWO, replace(TWO, key="3" * 64, artifact="sha256:three", version=3)]),
        healths,
        healths,
        verdicts,
        st.integers(0, 4000),
    ),
    max_size=40,
)


@settings(max_examples=300, deadline=None)
@given(looks)
def test_whatever_happens_something_serves_and_no_rejected_artifact_is_ever_given_traffic(
    history: list[tuple[Revision, RevisionHealth, RevisionHealth, StepVerdict, int]],
) -> None:
    state, now = stable_one(), T0
    for wanted, one, other, verdict, seconds in history:
        now += timedelta(seconds=seconds)
        health = {ONE.key: one, TWO.key: other, "3" * 64: other}
        before = state
        move = advance(state, Facts(Wanted(wanted), size=2, health=health, verdict=verdict), RULES, now)
        state = move.state
        assert state.stable is not None
        if state.candidate is not None:
            assert not state.is_rejected(state.candidate.revision.artifact)
            assert state.candidate.revision.key != state.stable.key
        if state.stable.key != before.stable.key:  # type: ignore[union-attr]
            switched = before.candidate is not None and before.candidate.stage is Stage.SWITCHING
            returned = before.previous is not None and before.previous.baking
            assert switched or returned
        assert len(state.history) <= 20
        running = shape(state, RULES, 2)
        assert len({r.revision.key for r in running}) == len(running)
        assert all(0 <= r.weight <= 100 for r in running)


def test_gross_harm_while_the_candidate_grows_still_rolls_back_and_counting_goes_on_after_the_last_step() -> None:
    begun, _, now = walk(stable_one(), T0, RULES, facts(TWO, ONE, TWO, size=5, verdict=GOOD), timedelta(minutes=10))
    assert begun.candidate is not None
    assert (begun.candidate.stage, begun.candidate.step) == (Stage.PROMOTING, len(STEPS) - 1)
    gross = StepVerdict("Gross", "AnalysisFailed", "every request failed", 300)
    move = advance(begun, facts(TWO, ONE, TWO, size=5, verdict=gross), RULES, now)
    assert (move.event, move.state.candidate) == ("RolledBack", None)
