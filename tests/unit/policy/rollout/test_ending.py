"""A person's rollback of a version that has served before."""

from datetime import UTC, datetime

from perennial.policy.rollout import Facts, Revision, RolloutState, Rules, Stage, Wanted, advance
from perennial.policy.rollout.state import Candidate

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ONE = Revision("1" * 64, "sha256:one", "img:1", 1)
TWO = Revision("2" * 64, "sha256:two", "img:1", 2)
STATE = RolloutState(stable=ONE, candidate=Candidate(TWO, Stage.PROMOTING, NOW, NOW, direct=True)).recorded(
    TWO, "Promoted", "before", NOW
)
FACTS = Facts(wanted=Wanted(TWO, "", ""), size=2, health={}, rollback="asked for by ada: enough")


def test_a_version_that_comes_back_can_be_rolled_back_on_its_way() -> None:
    move = advance(STATE, FACTS, Rules(), NOW)
    assert (move.reason, move.state.candidate) == ("RollbackRequested", None)
    assert move.state.is_rejected(TWO.artifact)


def test_the_way_back_from_a_rejected_version_is_not_cut_off() -> None:
    leaving = STATE.rejecting(ONE.artifact, "AnalysisFailed", NOW)
    move = advance(leaving, FACTS, Rules(), NOW)
    assert move.state.candidate is not None
    assert not move.state.is_rejected(TWO.artifact)
