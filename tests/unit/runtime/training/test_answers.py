import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from perennial.runtime.training.answers import of_pipeline
from perennial.stats.metrics import Rows, value

FRAME = pd.DataFrame({"x": np.linspace(-1, 1, 60)})


@pytest.mark.parametrize("met", [[0, 2], [1, 2], [0, 1]])
def test_a_class_that_a_fold_has_not_met_has_probability_zero_under_its_own_code(met: list[int]) -> None:
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    pipeline.fit(FRAME, np.repeat(met, 30))
    answers = of_pipeline(pipeline, FRAME, "Multiclass", classes=3)
    (unmet,) = {0, 1, 2} - set(met)
    assert answers.score is not None
    assert answers.score.shape == (60, 3)
    assert (answers.score[:, unmet] == 0).all()
    assert set(answers.label.tolist()) == set(met)
    assert np.isfinite(value("log_loss", Rows(np.arange(60) % 3, answers.label, answers.score)))
