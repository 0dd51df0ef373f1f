"""The decision threshold of a binary classifier, chosen on out-of-fold predictions of the training part."""

import numpy as np

from perennial.api.algorithm import Candidate, Decision
from perennial.runtime.training.answers import DEFAULT_THRESHOLD, of_pipeline
from perennial.runtime.training.fitting import fit
from perennial.runtime.training.folds import folds
from perennial.runtime.training.preprocess import Prepared
from perennial.runtime.training.request import Request
from perennial.runtime.training.split import Split
from perennial.stats.metrics import Rows, value

FOLDS = 5
MOST_THRESHOLDS = 200


def chosen_threshold(prepared: Prepared, split: Split, design: Candidate, request: Request) -> float:
    """The threshold that `decision` asks for.

    Raises:
        UserCodeFailed, DataRefused: a fold could not be fitted.
    """
    decision = request.decision
    if decision is None:
        return DEFAULT_THRESHOLD
    if decision.threshold is not None:
        return decision.threshold
    y, probability = _out_of_fold(prepared, split, design, request)
    return best_threshold(y, probability, decision)


def _out_of_fold(
    prepared: Prepared, split: Split, design: Candidate, request: Request
) -> tuple[np.ndarray, np.ndarray]:
    assert prepared.y is not None  # noqa: S101  classifiers have a target
    truths, scores = [], []
    for learn, score in folds(split, prepared.y, count=FOLDS, seed=request.seed, classes=True):
        pipeline, _ = fit(prepared, learn, design, request)
        answers = of_pipeline(pipeline, prepared.frame.iloc[score], "Binary")
        truths.append(prepared.y[score])
        scores.append(answers.score if answers.score is not None else answers.label)
    return np.concatenate(truths), np.concatenate(scores)


def best_threshold(y: np.ndarray, probability: np.ndarray, decision: Decision) -> float:
    """The threshold with the best metric or least cost; of equal ones the one nearest to ½.

    Args:
        y: 0 or 1, shape (rows,).
        probability: of class 1, shape (rows,).
    """
    places = np.linspace(0, 1, MOST_THRESHOLDS + 1)
    options = np.unique(np.round(np.quantile(probability, places, method="nearest"), 6))
    gains = np.array([_gain(y, probability >= option, decision) for option in options])
    best = np.flatnonzero(gains >= gains.max() - 1e-12)
    return float(options[best[np.argmin(np.abs(options[best] - DEFAULT_THRESHOLD))]])


def _gain(y: np.ndarray, label: np.ndarray, decision: Decision) -> float:
    if decision.cost is not None:
        false_positives, false_negatives = int((label & (y == 0)).sum()), int((~label & (y == 1)).sum())
        return -(decision.cost.false_positive * false_positives + decision.cost.false_negative * false_negatives)
    return value(decision.maximize or "f1", Rows(y, label.astype(np.int64), None))
