"""Permutation importance of input columns: how much worse the metric gets when a column tells nothing.

L. Breiman, Random Forests, Machine Learning 45 (2001); on the hold-out, on input columns rather than encoded ones.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from perennial.runtime.training.answers import Answers
from perennial.stats.metrics import Rows, value

MOST_ROWS = 5_000
REPEATS = 3


def importances(
    ask: Callable[[pd.DataFrame], Answers],
    rows: pd.DataFrame,
    y: np.ndarray,
    metric: str,
    *,
    larger_is_better: bool,
    seed: int,
) -> dict[str, float]:
    """Mean loss of the metric by column, largest first; at most 5,000 rows, three permutations.

    Args:
        ask: the fitted pipeline.
        rows: hold-out rows as the pipeline takes them.
        y: their true codes or numbers, shape (rows,).
    """
    rng = np.random.default_rng(seed)
    if len(rows) > MOST_ROWS:
        chosen = np.sort(rng.choice(len(rows), MOST_ROWS, replace=False))
        rows, y = rows.iloc[chosen], y[chosen]
    rows = rows.reset_index(drop=True)
    full = _value(metric, y, ask(rows))
    sign = 1.0 if larger_is_better else -1.0
    found = {}
    for column in rows.columns:
        values = [_value(metric, y, ask(_permuted(rows, column, rng))) for _ in range(REPEATS)]
        found[str(column)] = round(sign * (full - float(np.mean(values))), 9)
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _permuted(rows: pd.DataFrame, column: str, rng: np.random.Generator) -> pd.DataFrame:
    changed = rows.copy(deep=False)
    changed[column] = rows[column].to_numpy()[rng.permutation(len(rows))]
    return changed


def _value(metric: str, y: np.ndarray, answers: Answers) -> float:
    return value(metric, Rows(y, answers.label, answers.score))
