"""What a rollout will see of a switch of models: how far the predictions lie apart on the same rows.

Counted in the bins in which servers count an arm's predictions (runtime/serving/arms.py), else the two figures could
not be compared.
"""

import numpy as np

from perennial.api.records.server import PREDICTION_BINS
from perennial.runtime.training.answers import Answers
from perennial.stats.bins import bin_counts, numeric_codes, numeric_edges, probability_codes
from perennial.stats.psi import plain_psi


def expected_shift(ours: Answers, theirs: Answers) -> float:
    """PSI of one model's predictions against the other's, the largest over classes.

    Args:
        ours: the challenger's answers to n rows.
        theirs: the champion's, to the same rows.
    """
    if ours.score is not None and theirs.score is not None and ours.probability and theirs.probability:
        pairs = zip(_by_class(ours.score), _by_class(theirs.score), strict=True)
        return max(_psi(probability_codes(b, PREDICTION_BINS), probability_codes(a, PREDICTION_BINS), PREDICTION_BINS)
                   for a, b in pairs)  # fmt: skip
    mine, other = _watched(ours), _watched(theirs)
    edges = numeric_edges(other)
    return _psi(numeric_codes(other, edges), numeric_codes(mine, edges), len(edges) + 2)


def _by_class(score: np.ndarray) -> list[np.ndarray]:
    return [score] if score.ndim == 1 else list(score.T)  # binary: the other class is its mirror image


def _psi(before: np.ndarray, now: np.ndarray, bins: int) -> float:
    return plain_psi(bin_counts(before, bins), bin_counts(now, bins))


def _watched(answers: Answers) -> np.ndarray:
    if answers.score is None:
        return answers.label.astype(np.float64)
    return answers.score if answers.score.ndim == 1 else answers.score.max(axis=1)
