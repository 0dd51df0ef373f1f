"""Whole rollouts on simulated traffic: how often the analysis stops what it should, and what it should not.

`make soak` runs the full size.
"""

import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from scipy.stats import beta, binom

from perennial.api.rollout import Rollout
from perennial.policy.rollout import Facts, Revision, RevisionHealth, RolloutState, Rules, Stage, Wanted, advance
from perennial.policy.rollout.analysis import analyse, mirror_share
from perennial.policy.rollout.shape import copied, weight
from perennial.policy.rollout.state import Candidate
from perennial.stats.bins import numeric_codes, numeric_edges
from perennial.stats.psi import plain_psi
from tests.support.simulated_arms import Arm, Model, arms

ROLLOUTS = 1000 if os.environ.get("PERENNIAL_SOAK") == "1" else 200
UNLUCKY = 1e-3
"""A test fails by bad luck once in so many runs; the seed is fixed, so that it does not."""

T0 = datetime(2026, 3, 1, tzinfo=UTC)
ONE = Revision("1" * 64, "sha256:one", "img:1", 1)
TWO = Revision("2" * 64, "sha256:two", "img:1", 2)
RULES = Rules.of(Rollout())
COPYING = {"shadow": Rules.of(Rollout(strategy="Shadow")), "blue-green": Rules.of(Rollout(strategy="BlueGreen"))}
STABLE = Model()
LOOK = timedelta(minutes=2)
REQUESTS_A_LOOK = 60_000
"""So few that the evidence on errors is complete after several looks, and is not much more than was asked for."""

RETRAINED = replace(STABLE, scores=(3.0, 4.0))


def rollout(
    candidate: Model,
    seed: int,
    *,
    sticky: bool,
    rules: Rules = RULES,
    requests: int = REQUESTS_A_LOOK,
    expected_shift: float | None = None,
) -> str:
    """How a rollout of this candidate ends: `Promoting`, or the reason for which it was stopped."""
    rng = np.random.default_rng(seed)
    state = RolloutState(ONE, Candidate(TWO, Stage.STEPPING, T0, T0))
    now, step, level = T0, -1, 0.0
    up = RevisionHealth(replicas=1, ready=1)
    while state.candidate is not None and state.candidate.stage is Stage.STEPPING:
        if state.candidate.step != step:
            step, level = state.candidate.step, float(copied(state.candidate, rules))
            old, new = Arm(STABLE, rng, sticky), Arm(candidate, rng, sticky)
        now += LOOK
        share = weight(state.candidate, rules) / 100
        new.serve(int(requests * (share + (1 - share) * level / 100)))
        old.serve(int(requests * (1 - share)))
        elapsed = now - state.candidate.since
        verdict, rows = analyse(
            arms(old, new),
            rules,
            step,
            due=elapsed >= rules.steps[step].min_duration,
            late=elapsed >= rules.wait_for,
            expected_shift=expected_shift,
        )
        if rules.copies:
            level = mirror_share(rows, weight=0, in_force=level, room=1.0, elapsed=elapsed, within=rules.wait_for / 3)
            assert share == 0, "nothing is answered by a candidate that is judged on copies"
        assert elapsed < rules.wait_for, "the simulated traffic is meant to give the computed evidence"
        health = {ONE.key: up, TWO.key: up}
        state = advance(state, Facts(Wanted(TWO), 1, health=health, verdict=verdict), rules, now).state
    return "Promoting" if state.candidate is not None else state.history[-1].reason


def endings(candidate: Model, **more: Any) -> list[str]:
    return [rollout(candidate, seed, **more) for seed in range(ROLLOUTS)]


def expected_shift() -> float:
    """What the gate measures on 5,000 rows of a hold-out: the shift of the retrained model's predictions."""
    holdout = np.random.default_rng(7)
    before, after = (beta.rvs(*m.scores, size=5000, random_state=holdout) for m in (STABLE, RETRAINED))
    edges = numeric_edges(before)
    return plain_psi(
        *(np.bincount(numeric_codes(values, edges), minlength=len(edges) + 2) for values in (before, after))
    )


@dataclass(frozen=True)
class Harm:
    """A bad candidate, judged by the metric that should see it alone, so that no other one adds to the evidence."""

    model: Model
    metric: str
    requests: int  # a look: the evidence is complete after several looks
    told: str

    @property
    def rules(self) -> Rules:
        """The default rules with this metric only."""
        return self.among(RULES)

    def among(self, rules: Rules) -> Rules:
        """These rules with this metric only."""
        return replace(rules, analysis=tuple(a for a in rules.analysis if a.metric == self.metric))


HARMS = {
    "twice the error rate": Harm(replace(STABLE, error_rate=0.02), "errorRate", 40_000, "requests failed"),
    "1.5 x latency": Harm(replace(STABLE, seconds=1.5 * STABLE.seconds), "latencyP95", 2500, "95th percentile"),
    "shifted predictions": Harm(RETRAINED, "predictionShift", 5000, "shifted by"),
}


@pytest.mark.parametrize("sticky", [False, True], ids=["random", "sticky"])
@pytest.mark.parametrize("harm", HARMS)
def test_a_bad_candidate_is_stopped_for_its_harm_in_at_least_99_percent(harm: str, sticky: bool) -> None:
    bad = HARMS[harm]
    ended = endings(bad.model, rules=bad.rules, requests=bad.requests, sticky=sticky)
    stopped = sum(bad.told in one for one in ended)
    print(f"{harm}, {'sticky' if sticky else 'random'}: {stopped} of {ROLLOUTS} stopped")
    assert binom.cdf(stopped, ROLLOUTS, 0.99) > UNLUCKY


@pytest.mark.parametrize("sticky", [False, True], ids=["random", "sticky"])
def test_an_identical_candidate_is_stopped_in_at_most_1_percent(sticky: bool) -> None:
    stopped = ROLLOUTS - endings(STABLE, sticky=sticky).count("Promoting")
    print(f"identical, {'sticky' if sticky else 'random'}: {stopped} of {ROLLOUTS} stopped")
    assert binom.sf(stopped - 1, ROLLOUTS, 0.01) > UNLUCKY


@pytest.mark.parametrize("sticky", [False, True], ids=["random", "sticky"])
def test_a_good_retrain_after_drift_is_not_stopped_for_predicting_differently(sticky: bool) -> None:
    expected = expected_shift()
    assert expected > 0.2
    stopped = ROLLOUTS - endings(RETRAINED, sticky=sticky, expected_shift=expected).count("Promoting")
    print(f"retrained, {'sticky' if sticky else 'random'}: {stopped} of {ROLLOUTS} stopped")
    assert binom.sf(stopped - 1, ROLLOUTS, 0.01) > UNLUCKY


@pytest.mark.parametrize("sticky", [False, True], ids=["random", "sticky"])
@pytest.mark.parametrize("strategy", COPYING)
@pytest.mark.parametrize("harm", HARMS)
def test_a_bad_candidate_is_stopped_on_copies_alone_in_at_least_99_percent(
    harm: str, strategy: str, sticky: bool
) -> None:
    bad = HARMS[harm]
    ended = endings(bad.model, rules=bad.among(COPYING[strategy]), requests=bad.requests, sticky=sticky)
    stopped = sum(bad.told in one for one in ended)
    print(f"{strategy}, {harm}, {'sticky' if sticky else 'random'}: {stopped} of {ROLLOUTS} stopped")
    assert binom.cdf(stopped, ROLLOUTS, 0.99) > UNLUCKY


@pytest.mark.parametrize("sticky", [False, True], ids=["random", "sticky"])
@pytest.mark.parametrize("strategy", COPYING)
def test_an_identical_candidate_is_stopped_on_copies_in_at_most_1_percent(strategy: str, sticky: bool) -> None:
    stopped = ROLLOUTS - endings(STABLE, rules=COPYING[strategy], sticky=sticky).count("Promoting")
    print(f"{strategy}, identical, {'sticky' if sticky else 'random'}: {stopped} of {ROLLOUTS} stopped")
    assert binom.sf(stopped - 1, ROLLOUTS, 0.01) > UNLUCKY


@pytest.mark.parametrize("sticky", [False, True], ids=["random", "sticky"])
@pytest.mark.parametrize("strategy", COPYING)
def test_a_good_retrain_after_drift_is_not_stopped_on_copies_either(strategy: str, sticky: bool) -> None:
    more: dict[str, Any] = {"rules": COPYING[strategy], "sticky": sticky, "expected_shift": expected_shift()}
    stopped = ROLLOUTS - endings(RETRAINED, **more).count("Promoting")
    print(f"{strategy}, retrained, {'sticky' if sticky else 'random'}: {stopped} of {ROLLOUTS} stopped")
    assert binom.sf(stopped - 1, ROLLOUTS, 0.01) > UNLUCKY
