import numpy as np
import pytest

from perennial.api.records.server import PREDICTION_BINS
from perennial.runtime.training.answers import Answers
from perennial.runtime.training.expected_shift import expected_shift
from perennial.stats.psi import plain_psi

RNG = np.random.default_rng(0)


def binary(score):
    return Answers((score >= 0.5).astype(np.int64), score, probability=True)


def test_binary_probabilities_are_compared_in_the_servers_bins():
    before, now = RNG.beta(2, 5, 20_000), RNG.beta(3, 5, 20_000)
    counted = [np.histogram(scores, PREDICTION_BINS, (0, 1))[0] for scores in (before, now)]
    assert expected_shift(binary(now), binary(before)) == pytest.approx(plain_psi(*counted), rel=0.01)


def test_the_class_that_shifts_most_is_what_counts():
    champion = RNG.dirichlet([2, 2, 2], 20_000)
    challenger = champion.copy()
    challenger[:, 1:] = champion[:, 1:] * [0.2, 1.8]
    answers = [Answers(t.argmax(axis=1), t, probability=True) for t in (challenger, champion)]
    per_class = [expected_shift(binary(challenger[:, k]), binary(champion[:, k])) for k in range(3)]
    assert expected_shift(*answers) == max(per_class) > 0.5
    assert per_class[0] == pytest.approx(0.0, abs=1e-9)


def test_the_same_predictions_do_not_shift():
    score = RNG.random(1000)
    assert expected_shift(binary(score), binary(score)) == pytest.approx(0.0)
    numbers = Answers(RNG.normal(size=1000), None, probability=False)
    assert expected_shift(numbers, numbers) == pytest.approx(0.0)


def test_shifted_numbers_are_seen_in_the_champions_quantiles():
    before = RNG.normal(size=5000)
    assert expected_shift(Answers(before + 1, None, False), Answers(before, None, False)) > 0.5
