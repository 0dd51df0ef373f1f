"""A candidate that breaks clients: held back, and let in apart from all requests that are not made for it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from perennial.policy.rollout import RevisionHealth, RolloutState, Stage, advance
from perennial.policy.rollout.shape import shape
from tests.unit.policy.rollout.test_advance import GOOD, ONE, RULES, T0, TWO, facts, promoted, stable_one, walk

ACCEPTED: dict[str, Any] = {"signature": "input x is gone", "signature_accepted": True}
UP_TO_SIZE = RevisionHealth(2, 2)


def apart() -> RolloutState:
    """Accepted, at full size."""
    state, _, _ = walk(stable_one(), T0, RULES, facts(TWO, ONE, TWO, verdict=GOOD, **ACCEPTED), timedelta(hours=3))
    return state


def test_a_changed_signature_gets_no_traffic_and_names_the_command_that_lets_it_in() -> None:
    state = advance(stable_one(), facts(TWO, ONE), RULES, T0).state
    held = advance(state, facts(TWO, ONE, TWO, signature="input x is gone"), RULES, T0)
    assert held.reason == "SignatureChanged"
    assert "input x is gone" in held.message
    assert "perennial.dev/accept-signature='2 <your user name>" in held.message
    assert held.state == state


def test_a_signature_that_cannot_be_read_holds_the_candidate_back_under_a_reason_of_its_own() -> None:
    state = advance(stable_one(), facts(TWO, ONE), RULES, T0).state
    held = advance(state, facts(TWO, ONE, TWO, signature_unread="signature.json of run r: task: is missing"), RULES, T0)
    assert (held.reason, held.check_after) == ("SignatureUnreadable", timedelta(minutes=1))
    assert "signature.json of run r" in held.message
    let = advance(state, facts(TWO, ONE, TWO, signature_unread="no", signature_accepted=True), RULES, T0)
    assert let.state.candidate is not None
    assert (let.state.candidate.stage, let.state.candidate.apart) == (Stage.STEPPING, False)


def test_an_accepted_candidate_starts_at_full_size_before_it_is_offered() -> None:
    state = advance(stable_one(), facts(TWO, ONE), RULES, T0).state
    one_ready = {ONE.key: UP_TO_SIZE, TWO.key: RevisionHealth(2, 1)}
    held = advance(state, replace(facts(TWO, **ACCEPTED), health=one_ready), RULES, T0)
    assert (held.reason, held.state.candidate and held.state.candidate.stage) == ("CandidateStarting", Stage.PREPARING)
    sizes = {one.role: one.replicas for one in shape(held.state, RULES, 2)}
    assert sizes == {"stable": 2, "candidate": 2}


def test_an_accepted_candidate_gets_neither_requests_nor_copies_and_waits_for_a_person_whatever_the_approval() -> None:
    for rules in (RULES, replace(RULES, strategy="Shadow"), replace(RULES, strategy="BlueGreen")):
        state, events, _ = walk(
            stable_one(), T0, rules, facts(TWO, ONE, TWO, verdict=GOOD, **ACCEPTED), timedelta(days=2)
        )
        assert state.candidate is not None
        assert (state.candidate.stage, events[-1]) == (Stage.AWAITING, "CandidateReady")
        running = {one.role: one for one in shape(state, rules, 2)}
        stable, candidate = running["stable"], running["candidate"]
        assert (stable.weight, stable.copied, candidate.replicas) == (0, 0, 2)
        assert stable.towards == state.candidate.revision


def test_its_promotion_sends_no_request_on_and_each_version_answers_what_comes_to_it_while_it_bakes() -> None:
    state, now, weights = apart(), T0 + timedelta(hours=3), []
    state, told = promoted(state), facts(TWO, ONE, TWO, verdict=GOOD, **ACCEPTED)
    while state.previous is None:
        state = advance(state, told, RULES, now).state
        now += timedelta(seconds=5)
        weights += [one.weight for one in shape(state, RULES, 2)]
    assert set(weights) == {0}
    assert state.stable is not None
    assert (state.stable.version, state.previous.apart) == (2, True)
    sizes = {one.role: one.replicas for one in shape(state, RULES, 2)}
    assert sizes == {"stable": 2, "previous": 2}
