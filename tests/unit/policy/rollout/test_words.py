"""What a person's word about a promotion comes to, at every point of a rollout."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from perennial.policy.rollout import RevisionHealth, RolloutState, Rules, Stage, Wanted, advance
from perennial.policy.rollout.facts import StepVerdict
from perennial.policy.rollout.shape import shape
from perennial.policy.rollout.words import UNREACHABLE, Word, hear_promotion, refuse_rollback
from tests.unit.policy.rollout.test_advance import GOOD, ONE, RULES, T0, TWO, facts, promoted, stable_one, walk

THREE = replace(TWO, key="3" * 64, artifact="sha256:three", version=3)
SHORT = StepVerdict("Short", requests=3)
SAID = "2 ada it is urgent"


def preparing() -> RolloutState:
    return advance(stable_one(), facts(TWO, ONE), RULES, T0).state


def stepping(rules: Rules = RULES) -> RolloutState:
    return advance(preparing(), facts(TWO, ONE, TWO), rules, T0).state


def by_stage(state: RolloutState) -> Stage | None:
    return state.candidate.stage if state.candidate else None


@pytest.mark.parametrize("text", ["", "2", "ada 2 x", "-1 ada x", "² ada x", "1" * 12 + " ada x"])
def test_a_word_of_another_form_is_no_word(text: str) -> None:
    assert Word.of(text) is None


def test_a_word_names_the_version_the_user_and_the_reason_which_may_be_missing() -> None:
    assert Word.of("  2 system:serviceaccount:a:b  run 12 ") == Word(2, "system:serviceaccount:a:b", "run 12")
    word = Word.of("0 ada")
    assert word is not None
    assert word.told == "ada: no reason given"


def test_said_before_the_candidate_is_ready_it_skips_the_steps_once_a_pod_is_ready_and_switches_at_full_size() -> None:
    state = hear_promotion(preparing(), Wanted(TWO), SAID).state
    waiting = advance(state, facts(TWO, ONE), RULES, T0)
    assert by_stage(waiting.state) is Stage.PREPARING
    assert "as asked for by ada: it is urgent" in waiting.message
    ready = advance(state, replace(facts(TWO, ONE), health={TWO.key: RevisionHealth(1, 1)}), RULES, T0)
    assert (by_stage(ready.state), ready.event) == (Stage.PROMOTING, "PromotionApproved")
    small = advance(ready.state, replace(facts(TWO, ONE), health={TWO.key: RevisionHealth(2, 1)}), RULES, T0)
    assert by_stage(small.state) is Stage.PROMOTING
    end, events, _ = walk(ready.state, T0, RULES, facts(TWO, ONE, TWO, verdict=SHORT), timedelta(hours=1))
    assert events == ["Switching", "Switched", "Promoted"]
    assert end.stable is not None
    assert end.stable.version == 2


def test_one_pod_does_not_get_half_of_the_requests_because_somebody_promoted_it_at_the_first_step() -> None:
    moved = advance(promoted(stepping()), facts(TWO, ONE, TWO, verdict=SHORT), RULES, T0).state
    assert by_stage(moved) is Stage.PROMOTING
    running = {one.role: one for one in shape(moved, RULES, 2)}
    assert (running["stable"].weight, running["candidate"].replicas) == (5, 2)


@pytest.mark.parametrize("strategy", ["Canary", "Shadow", "BlueGreen"])
def test_a_pause_ends_with_a_persons_word_in_every_stage(strategy: Any) -> None:
    paused = replace(RULES, strategy=strategy, paused=True)
    for state in (preparing(), stepping(replace(RULES, strategy=strategy))):
        assert advance(state, facts(TWO, ONE, TWO, verdict=SHORT), paused, T0).reason == "Paused"
        move = advance(promoted(state), facts(TWO, ONE, TWO, verdict=SHORT), paused, T0)
        assert (move.reason, by_stage(move.state)) == ("PromotionApproved", Stage.PROMOTING)


@pytest.mark.parametrize("unfit", [{"signature": "input x is gone"}, {"signature_unread": "no such key"}])
def test_no_word_promotes_a_candidate_of_a_signature_that_nobody_accepted(unfit: dict[str, Any]) -> None:
    state = promoted(preparing())
    held = advance(state, facts(TWO, ONE, TWO, **unfit), RULES, T0)
    assert (held.state, held.reason[:9]) == (state, "Signature")
    let = advance(state, facts(TWO, ONE, TWO, signature_accepted=True, **unfit), RULES, T0)
    assert let.reason == "PromotionApproved"
    assert let.state.candidate is not None
    assert let.state.candidate.apart is ("signature" in unfit)


@pytest.mark.parametrize("stage", [Stage.PREPARING, Stage.STEPPING, Stage.PROMOTING])
def test_a_promoted_candidate_that_crashes_is_rolled_back_all_the_same(stage: Stage) -> None:
    state = promoted(preparing())
    assert state.candidate is not None
    state = replace(state, candidate=replace(state.candidate, stage=stage))
    crashing = replace(facts(TWO, ONE), health={TWO.key: RevisionHealth(1, 0, restarts=3, problem="exit code 1")})
    assert advance(state, crashing, RULES, T0).event == "RolledBack"


def test_a_word_about_the_version_that_starts_in_this_look_goes_with_it() -> None:
    heard = hear_promotion(stable_one(), Wanted(TWO), SAID)
    assert (heard.waits, heard.refused) == (True, "")
    started = advance(heard.state, facts(TWO, ONE, promote=heard.promote), RULES, T0).state
    assert started.candidate is not None
    assert started.candidate.promoted == "ada: it is urgent"


def test_a_word_outlives_the_candidate_that_the_version_it_names_supersedes() -> None:
    heard = hear_promotion(stepping(), Wanted(THREE), "3 ada x")
    assert heard.waits
    ended = advance(heard.state, facts(THREE, ONE, promote=heard.promote), RULES, T0).state
    assert ended.candidate is None
    assert hear_promotion(ended, Wanted(THREE), "3 ada x").promote == "ada: x"


def test_a_word_is_not_spent_on_a_revision_that_makes_way_for_another_one_of_the_same_version() -> None:
    other = replace(TWO, key="4" * 64)
    heard = hear_promotion(stepping(), Wanted(other), SAID)
    assert (heard.waits, heard.promote, heard.state) == (True, "ada: it is urgent", stepping())


def test_a_version_without_evidence_is_tried_again_at_once_when_a_person_promotes_it() -> None:
    state, _, now = walk(stable_one(), T0, RULES, facts(TWO, ONE, TWO, verdict=SHORT), timedelta(minutes=45))
    held = advance(state, facts(TWO, ONE), RULES, now)
    assert held.reason == "Inconclusive"
    assert "perennial.dev/promote='2 <your user name>" in held.message
    heard = hear_promotion(state, Wanted(TWO), SAID)
    assert advance(state, facts(TWO, ONE, promote=heard.promote), RULES, now).event == "RolloutStarted"


def test_a_word_about_a_rejected_version_lifts_that_and_it_is_tried_step_by_step() -> None:
    bad = StepVerdict("Failed", "AnalysisFailed", "slow", 300)
    state, _, now = walk(stable_one(), T0, RULES, facts(TWO, ONE, TWO, verdict=bad), timedelta(hours=1))
    assert state.rejected
    heard = hear_promotion(state, Wanted(TWO), SAID)
    assert (heard.state.rejected, heard.promote, heard.waits) == ((), "", False)
    again, events, _ = walk(heard.state, now, RULES, facts(TWO, ONE, TWO, verdict=GOOD), timedelta(hours=1))
    assert "StepPassed" in events
    assert again.stable is not None
    assert again.stable.version == 2


@pytest.mark.parametrize(
    ("state", "wanted", "text", "told"),
    [
        (stepping(), Wanted(TWO), "9 ada x", "version 9 is not on its way in; version 2 is what is asked for"),
        (stepping(), Wanted(TWO), "1 ada x", "version 1 answers all requests already"),
        (stable_one(), Wanted(ONE), "1 ada x", "version 1 answers all requests already"),
        (stable_one(), Wanted(ONE), "2 ada x", "version 2 is not on its way in; version 1 is what is asked for"),
        (
            RolloutState(),
            Wanted(None, "WaitingForFirstVersion", "none yet"),
            "1 ada x",
            "no version is asked for: none",
        ),
        (stepping(), Wanted(TWO), "2", "write '<version> <your user name> <reason>'"),
        (stepping(), Wanted(TWO), "two ada x", "is 'two ada x'"),
    ],
)
def test_a_word_that_nothing_can_come_of_is_refused_and_kept_for_no_later_version(
    state: RolloutState, wanted: Wanted, text: str, told: str
) -> None:
    heard = hear_promotion(state, wanted, text)
    assert told in heard.refused
    assert (heard.state, heard.promote, heard.waits) == (state, "", False)


def test_no_word_is_refused_because_storage_does_not_answer() -> None:
    heard = hear_promotion(stable_one(), Wanted(None, UNREACHABLE, "no route"), SAID)
    assert (heard.waits, heard.refused, heard.promote) == (True, "", "")


@pytest.mark.parametrize(
    ("state", "meant"),
    [
        pytest.param(stable_one(), 1, id="stable alone"),
        pytest.param(preparing(), 2, id="a candidate before its pods are ready"),
        pytest.param(stepping(), 2, id="a candidate at its steps"),
        pytest.param(
            replace(stepping(), rejected=stable_one().rejecting(ONE.artifact, "x", T0).rejected), 1, id="fleeing"
        ),
    ],
)
def test_a_rollback_is_about_the_version_that_it_names(state: RolloutState, meant: int) -> None:
    assert refuse_rollback(state, f"{meant} ada seen enough") == ""
    other = refuse_rollback(state, f"{meant + 1} ada seen enough")
    assert f"version {meant + 1} is not the one" in other
    assert f"'{meant} <your user name>" in other


def test_a_rollback_of_another_form_is_told_the_form() -> None:
    assert "write '<version> <your user name> <reason>'" in refuse_rollback(stepping(), "ada seen enough")
