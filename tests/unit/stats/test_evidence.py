"""Evidence of a rollout: computed sizes have their power, slots their variance, sequences their error rate."""

import numpy as np
import pytest

from perennial.stats.evidence import RateSequence, jackknife_error, requests_for_rate
from perennial.stats.proportions import normal_quantile


def test_telling_one_percent_from_half_a_percent_takes_about_thirteen_thousand() -> None:
    assert 10_000 < requests_for_rate(0.005, 0.01, alpha=0.05 / 4, power=0.99) < 16_000


@pytest.mark.parametrize(("base", "harmful"), [(0.01, 0.02), (0.05, 0.1)])
def test_the_computed_requests_show_the_harm_as_often_as_promised(base: float, harmful: float) -> None:
    rng = np.random.default_rng(0)
    n = requests_for_rate(base, harmful, alpha=0.05, power=0.9)
    a, b = rng.binomial(n, harmful, 4000) / n, rng.binomial(n, base, 4000) / n
    pooled = (a + b) / 2
    z = (a - b) / np.sqrt(2 * pooled * (1 - pooled) / n)
    assert np.mean(z > normal_quantile(0.95)) == pytest.approx(0.9, abs=0.03)


def test_a_harm_below_the_base_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="must be above"):
        requests_for_rate(0.02, 0.02, alpha=0.05)


def test_the_jackknife_sees_that_clients_stick_to_slots() -> None:
    rng = np.random.default_rng(1)
    requests = np.full(64, 200.0)
    errors, estimates, rates = [], [], []
    for _ in range(400):
        own = rng.beta(1, 19, 64)
        events = rng.binomial(200, own).astype(float)
        rates.append(events.sum() / requests.sum())
        estimates.append(jackknife_error(events, requests))
        errors.append(np.sqrt(0.05 * 0.95 / requests.sum()))
    assert np.mean(estimates) == pytest.approx(np.std(rates), rel=0.12)
    assert np.mean(estimates) > 2 * np.mean(errors)


def test_looking_after_every_request_stops_a_good_candidate_no_more_often_than_stated() -> None:
    rng = np.random.default_rng(2)
    sequence = RateSequence(alpha=0.05)
    stopped = 0
    for _ in range(200):
        failures = np.cumsum(rng.random(2000) < 0.1)
        stopped += any(sequence.exceeds(int(failures[i]), i + 1, 0.1) for i in range(0, 2000, 20))
    assert stopped / 200 <= 0.05


def test_a_broken_candidate_is_stopped_within_thirty_requests() -> None:
    assert RateSequence(alpha=1e-4).exceeds(28, 30, 0.1)
    assert not RateSequence(alpha=1e-4).exceeds(0, 30, 0.1)
