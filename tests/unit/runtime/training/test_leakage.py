import numpy as np
import pyarrow as pa
import pytest

from perennial.runtime.training.answers import Answers
from perennial.runtime.training.leakage import leaking
from perennial.runtime.training.preprocess import prepare
from perennial.runtime.training.target import understand
from tests.unit.runtime.training.requests import request

RNG = np.random.default_rng(3)
ROWS = 3000


def warned(columns: dict[str, object], y: np.ndarray, full: np.ndarray, *, regression: bool = False) -> list[str]:
    """Warnings for a model whose scores on these rows are `full`."""
    estimator = "sklearn.linear_model.Ridge" if regression else "sklearn.linear_model.LogisticRegression"
    asked = request(algorithm={"estimator": estimator})
    table = pa.table({**columns, "y": y})
    target = understand(table.column("y"), name="y", kind=asked.kind, positive=None)
    prepared = prepare(table, asked, target, learn_from=np.arange(ROWS))
    label = full if regression else (full >= 0.5).astype(np.int64)
    answers = Answers(label, None if regression else full, probability=not regression)
    return leaking(prepared, np.arange(ROWS), answers, y)


FIRST, SECOND = RNG.normal(size=ROWS), RNG.normal(size=ROWS)
LABEL = (FIRST + SECOND + RNG.normal(0, 0.5, ROWS) > 0).astype(np.int64)
HONEST = 1 / (1 + np.exp(-3 * (FIRST + SECOND)))


@pytest.mark.parametrize(
    "leak", [LABEL * 2.0 + RNG.normal(0, 0.1, ROWS), np.array(["later" if v else "never" for v in LABEL])]
)
def test_a_column_that_tells_the_target_is_named(leak):
    (message,) = warned({"first": FIRST, "second": SECOND, "leak": leak}, LABEL, LABEL * 0.98 + 0.01)
    assert "'leak'" in message
    assert "data.features.exclude" in message


def test_columns_that_only_help_are_not_named():
    assert warned({"first": FIRST, "second": SECOND}, LABEL, HONEST) == []


def test_a_number_that_is_the_target_in_another_unit_is_named():
    y = FIRST + SECOND + RNG.normal(0, 0.1, ROWS)
    (message,) = warned({"first": FIRST, "second": SECOND, "miles": y * 0.62}, y, y, regression=True)
    assert "'miles'" in message
