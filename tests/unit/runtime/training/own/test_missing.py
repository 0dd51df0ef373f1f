"""A model that takes no missing values is told of before somebody's request finds it out."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from perennial.api.algorithm import Candidate
from perennial.runtime.training.own.after import _without_values
from perennial.runtime.training.own.reading import Left
from perennial.runtime.training.refine import Chosen
from tests.unit.runtime.training.own.test_reading import BINARY, X, Y


@pytest.mark.parametrize(
    ("estimator", "says"),
    [(HistGradientBoostingClassifier(max_iter=3), []), (LogisticRegression(), ["takes no missing values"])],
)
def test_what_a_row_without_values_does_to_a_model(estimator: Any, says: list[str]) -> None:
    rows = pd.DataFrame(np.asarray(X), columns=["a", "b"])
    pipeline = Pipeline([("model", estimator.fit(rows, Y))])
    found = Left(Chosen(Candidate(estimator="sklearn.x.Y"), pipeline, 0.5), "model.skops")
    told = _without_values(found, BINARY)
    assert len(told) == len(says)
    assert all(said in line for said, line in zip(says, told, strict=True))
