"""Our arithmetic against scikit-learn's, with and without weights."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from perennial.stats.metrics import METRICS, Rows, value

BINARY = {
    "accuracy": lambda y, label, p, w: sk.accuracy_score(y, label, sample_weight=w),
    "log_loss": lambda y, label, p, w: sk.log_loss(y, p, sample_weight=w),
    "brier_score": lambda y, label, p, w: sk.brier_score_loss(y, p, sample_weight=w),
    "roc_auc": lambda y, label, p, w: sk.roc_auc_score(y, p, sample_weight=w),
    "average_precision": lambda y, label, p, w: sk.average_precision_score(y, p, sample_weight=w),
    "balanced_accuracy": lambda y, label, p, w: sk.balanced_accuracy_score(y, label, sample_weight=w),
    "precision": lambda y, label, p, w: sk.precision_score(y, label, sample_weight=w),
    "recall": lambda y, label, p, w: sk.recall_score(y, label, sample_weight=w),
    "f1": lambda y, label, p, w: sk.f1_score(y, label, sample_weight=w),
    "matthews_corrcoef": lambda y, label, p, w: sk.matthews_corrcoef(y, label, sample_weight=w),
}
MULTICLASS = {
    "accuracy": lambda y, label, p, w: sk.accuracy_score(y, label, sample_weight=w),
    "log_loss": lambda y, label, p, w: sk.log_loss(y, p, sample_weight=w),
    "roc_auc_ovr": lambda y, label, p, w: sk.roc_auc_score(y, p, multi_class="ovr", sample_weight=w),
    "balanced_accuracy": lambda y, label, p, w: sk.balanced_accuracy_score(y, label, sample_weight=w),
    "precision_macro": lambda y, label, p, w: sk.precision_score(y, label, average="macro", sample_weight=w),
    "recall_macro": lambda y, label, p, w: sk.recall_score(y, label, average="macro", sample_weight=w),
    "f1_macro": lambda y, label, p, w: sk.f1_score(y, label, average="macro", sample_weight=w),
    "f1_weighted": lambda y, label, p, w: sk.f1_score(y, label, average="weighted", sample_weight=w),
    "matthews_corrcoef": lambda y, label, p, w: sk.matthews_corrcoef(y, label, sample_weight=w),
    "average_precision": lambda y, label, p, w: sk.average_precision_score(np.eye(3)[y], p, sample_weight=w),
}
REGRESSION = {
    "mae": lambda y, a, w: sk.mean_absolute_error(y, a, sample_weight=w),
    "mse": lambda y, a, w: sk.mean_squared_error(y, a, sample_weight=w),
    "rmse": lambda y, a, w: sk.root_mean_squared_error(y, a, sample_weight=w),
    "mape": lambda y, a, w: sk.mean_absolute_percentage_error(y, a, sample_weight=w),
    "r2": lambda y, a, w: sk.r2_score(y, a, sample_weight=w),
    "median_absolute_error": lambda y, a, w: sk.median_absolute_error(y, a, sample_weight=w),
}
seeds = st.integers(0, 10_000)


def _weights(rng: np.random.Generator, n: int, weighted: bool) -> np.ndarray:
    return np.bincount(rng.integers(0, n, n), minlength=n).astype(float) if weighted else np.ones(n)


@pytest.mark.parametrize("metric", sorted(BINARY))
@given(seed=seeds, weighted=st.booleans())
def test_a_binary_metric_is_what_scikit_learn_computes(metric: str, seed: int, weighted: bool) -> None:
    rng = np.random.default_rng(seed)
    n = 60
    y = np.concatenate([[0, 1], rng.integers(0, 2, n - 2)])
    p = np.round(rng.beta(1 + y, 2 - y), 2).clip(0.01, 0.99)  # with ties
    w = _weights(rng, n, weighted)
    w[:2] += 1
    label = (p >= 0.5).astype(int)
    label[0], label[1] = 1, 1
    wanted = BINARY[metric](y, label, p, w)
    assert value(metric, Rows(y, label, p), w) == pytest.approx(wanted, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("metric", sorted(MULTICLASS))
@given(seed=seeds, weighted=st.booleans())
def test_a_multi_class_metric_is_what_scikit_learn_computes(metric: str, seed: int, weighted: bool) -> None:
    rng = np.random.default_rng(seed)
    n = 90
    y = np.concatenate([[0, 1, 2], rng.integers(0, 3, n - 3)])
    p = rng.dirichlet(np.ones(3), n)
    p[np.arange(n), y] += 0.3
    p /= p.sum(axis=1, keepdims=True)
    w = _weights(rng, n, weighted)
    w[:3] += 1
    label = p.argmax(axis=1)
    label[:3] = [1, 2, 0]
    wanted = MULTICLASS[metric](y, label, p, w)
    assert value(metric, Rows(y, label, p), w) == pytest.approx(wanted, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("metric", sorted(REGRESSION))
@given(seed=seeds)
def test_a_regression_metric_is_what_scikit_learn_computes(metric: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    y = rng.normal(size=50)
    answer = y + rng.normal(size=50) * 0.3
    assert value(metric, Rows(y, answer)) == pytest.approx(REGRESSION[metric](y, answer, None), rel=1e-9)


def test_every_metric_is_compared_with_scikit_learn() -> None:
    assert METRICS - {"alert_rate"} == BINARY.keys() | MULTICLASS.keys() | REGRESSION.keys()


def test_an_auc_of_one_class_is_undefined_and_not_half() -> None:
    assert np.isnan(value("roc_auc", Rows(np.ones(5, dtype=int), None, np.linspace(0, 1, 5))))
