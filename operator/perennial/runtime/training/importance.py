"""Permutation importance of input columns: how much worse the metric gets when a column tells nothing.

L. Breiman, Random Forests, Machine Learning 45 (2001); on the hold-out, on input columns rather than encoded ones.
"""

from collections.abc import Callable

import numpy as np

from perennial.api.metrics import METRICS
from perennial.runtime.artifacts import Columns, rows_of
from perennial.runtime.training.answers import Answers
from perennial.stats.metrics import Rows, value

MOST_ROWS = 5_000
REPEATS = 3


def importances(
    ask: Callable[[Columns], Answers], columns: Columns, y: np.ndarray, metric: str, *, seed: int
) -> dict[str, float]:
    """Mean loss of the metric by column, largest first; at most 5,000 rows, three permutations.

    Args:
        ask: the model.
        columns: canonical hold-out rows.
        y: their true codes or numbers, shape (rows,).
    """
    rng = np.random.default_rng(seed)
    rows = rows_of(columns)
    if rows > MOST_ROWS:
        chosen = np.sort(rng.choice(rows, MOST_ROWS, replace=False))
        columns, y, rows = {name: values[chosen] for name, values in columns.items()}, y[chosen], MOST_ROWS
    full = _value(metric, y, ask(columns))
    sign = 1.0 if METRICS[metric].maximize else -1.0
    found = {}
    for name, values in columns.items():
        drawn = [ask({**columns, name: values[rng.permutation(rows)]}) for _ in range(REPEATS)]
        found[name] = round(sign * (full - float(np.mean([_value(metric, y, answers) for answers in drawn]))), 9)
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _value(metric: str, y: np.ndarray, answers: Answers) -> float:
    return value(metric, Rows(y, answers.label, answers.score))
