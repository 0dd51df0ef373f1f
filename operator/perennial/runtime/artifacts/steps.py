"""Our own scikit-learn transformers: what a saved pipeline needs and scikit-learn has not. All are allow-listed."""

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from perennial.runtime.artifacts.instants import PARTS, date_parts


class DateParts(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Instants (datetime64, shape (rows, columns)) → year, month, day, weekday (Monday is 0), hour of each, as float64.

    A missing instant gives NaN in all its parts.
    """

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803
        """Remember the width; there is nothing to learn."""
        self.n_features_in_ = _instants(X).shape[1]
        return self

    def transform(self, X: Any) -> np.ndarray:  # noqa: N803
        """(rows, columns) → (rows, parts of the first column, of the second, …)."""
        instants = _instants(X)
        return np.column_stack([part for column in instants.T for part in date_parts(column)])

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """`<column>_<part>`, in the order of `transform`."""
        names = input_features if input_features is not None else [f"x{i}" for i in range(self.n_features_in_)]
        return np.array([f"{name}_{part}" for name in names for part in PARTS], dtype=object)


def _instants(table: Any) -> np.ndarray:
    return np.asarray(table, dtype="datetime64[us]").reshape(len(table), -1)
