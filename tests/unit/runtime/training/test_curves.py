import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import auc, roc_auc_score

from perennial.runtime.training import plots
from perennial.runtime.training.curves import calibration_points, precision_recall_points, roc_points

SCORES = st.lists(st.tuples(st.sampled_from([0, 1]), st.integers(0, 10)), min_size=4, max_size=150)


@given(SCORES.filter(lambda rows: len({y for y, _ in rows}) == 2))
def test_the_area_under_the_drawn_roc_curve_is_the_auc(rows):
    y, score = np.array([r[0] for r in rows]), np.array([r[1] / 10 for r in rows])
    false, true = roc_points(y, score)
    assert auc(false, true) == pytest.approx(roc_auc_score(y, score))
    assert (false[0], true[0], false[-1], true[-1]) == (0, 0, 1, 1)


def test_long_curves_are_thinned_and_keep_their_ends():
    rng = np.random.default_rng(0)
    score = rng.random(50_000)
    y = (rng.random(50_000) < score).astype(int)
    recall, precision = precision_recall_points(y, score)
    assert len(recall) <= 200
    assert recall[-1] == 1.0
    assert precision[-1] == pytest.approx(y.mean())


def test_calibrated_predictions_lie_on_the_diagonal():
    rng = np.random.default_rng(1)
    probability = rng.random(50_000)
    y = (rng.random(50_000) < probability).astype(int)
    predicted, observed, counts = calibration_points(y, probability)
    assert np.abs(predicted - observed).max() < 0.03
    assert counts.sum() == 50_000


def test_a_figure_is_self_contained_follows_the_theme_and_is_the_same_every_time():
    rng = np.random.default_rng(2)
    score = rng.random(300)
    y = (rng.random(300) < score).astype(int)
    first, second = plots.roc(y, score), plots.roc(y, score)
    assert first == second
    assert first.startswith("<svg")
    assert "currentColor" in first
    assert "<image" not in first
