"""Does one column alone tell the target? Then it may not be known at prediction time. A warning, never a refusal."""

import warnings
from collections.abc import Mapping

import numpy as np
from sklearn.model_selection import cross_val_predict
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from perennial.runtime.artifacts import missing
from perennial.runtime.training.answers import Answers
from perennial.runtime.training.preprocess import Prepared
from perennial.stats.metrics import Rows, value

MOST_ROWS = 10_000
FOLDS = 3
SHARE = 0.95
"""Of the full model's skill over the baseline."""
AUC = 0.95
LEAST_SKILL = 0.05
"""Below so much skill of the full model, any column may reach its share by chance."""


def leaking(prepared: Prepared, rows: np.ndarray, full: Answers, truth: np.ndarray) -> list[str]:
    """One sentence per suspicious column.

    The skill of a column is that of a small tree on it alone, out of fold: 2·AUC − 1 for two classes, R² for numbers,
    and for more classes the share of the baseline's error that is avoided.

    Args:
        rows: training rows; at most 10,000 of them, evenly picked, are used.
        full: the full model's answers to the hold-out; `truth` are their codes or numbers.
    """
    if prepared.y is None or prepared.signature.task == "Outlier" or len(prepared.signature.inputs) < 2:
        return []
    picked = rows[np.linspace(0, len(rows) - 1, min(len(rows), MOST_ROWS)).astype(int)]
    y = prepared.y[picked]
    whole = _skill(prepared, truth, full.label, full.score)
    found = []
    for column in prepared.signature.inputs:
        skill = _alone(prepared, column.name, picked, y)
        sure = prepared.signature.task == "Binary" and (skill + 1) / 2 >= AUC
        if sure or (whole >= LEAST_SKILL and skill >= SHARE * whole):
            found.append(
                f"the column {column.name!r} alone reaches {skill:.2f} of skill where the model reaches {whole:.2f}: "
                f"is it known at prediction time? If not, add it to data.features.exclude"
            )
    return found


def _alone(prepared: Prepared, name: str, rows: np.ndarray, y: np.ndarray) -> float:
    values = _numbers(prepared.columns, name)[rows].reshape(-1, 1)
    leaf = max(5, len(rows) // 200)
    numeric = prepared.signature.task == "Regression"
    tree = (DecisionTreeRegressor if numeric else DecisionTreeClassifier)(
        max_depth=6, min_samples_leaf=leaf, random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a class with fewer rows than folds
        try:
            method = "predict" if numeric else "predict_proba"
            answers = np.asarray(cross_val_predict(tree, values, y, cv=FOLDS, method=method))
        except ValueError:
            return 0.0
    if numeric:
        return _skill(prepared, y, answers, None)
    score = answers[:, 1] if answers.shape[1] == 2 else answers
    return _skill(prepared, y, answers.argmax(axis=1), score)


def _skill(prepared: Prepared, y: np.ndarray, label: np.ndarray, score: np.ndarray | None) -> float:
    """0 for the best constant answer, 1 for a perfect one."""
    rows = Rows(y, label, score)
    if prepared.signature.task == "Regression":
        return value("r2", rows)
    if prepared.signature.task == "Binary" and score is not None and score.ndim == 1:
        return 2 * value("roc_auc", rows) - 1
    base = np.bincount(y.astype(np.int64)).max() / len(y)
    return float((value("accuracy", rows) - base) / (1 - base)) if base < 1 else 0.0


def _numbers(columns: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    """A column as numbers: categories by frequency, instants as seconds, missing far below everything."""
    values = columns[name]
    absent = missing(values)
    if values.dtype.kind == "O":
        texts = np.where(absent, "", values).astype(str)
        _, codes, counts = np.unique(texts, return_inverse=True, return_counts=True)
        return np.argsort(np.argsort(counts, kind="stable"), kind="stable")[codes.reshape(-1)].astype(np.float64)
    moments = values.astype("datetime64[s]") if values.dtype.kind == "M" else values
    return np.where(absent, -1e30, moments.astype(np.float64))
