"""The fast encoder gives, bit for bit, what the fitted ColumnTransformer gives."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perennial.runtime.artifacts import EstimatorProblem, NumericColumns, canonicalise, frame, infer_signature
from perennial.runtime.artifacts.compile import NotCompilable, compile_encoder
from perennial.runtime.artifacts.encoder import EncoderRecord, FastEncoder
from tests.unit.runtime.artifacts.tables import case, mixed_table

WRITTEN = [
    {"columns": ["carrier"], "impute": "mostFrequent", "encode": "ordinal", "scale": "robust"},
    {"columns": ["tail"], "impute": "constant", "fillValue": "none", "encode": "oneHot", "scale": "minMax"},
    {"type": "numeric", "impute": "mean", "scale": "minMax"},
    {"type": "datetime", "scale": "none", "impute": "constant", "fillValue": -1},
]
DESIGNS = {
    "trees": ("Binary", "sklearn.ensemble.ExtraTreesClassifier", {"n_estimators": 2}, ()),
    "codes": ("Multiclass", "sklearn.ensemble.HistGradientBoostingClassifier", {"max_iter": 2}, ()),
    "scaled": ("Regression", "sklearn.linear_model.Ridge", {}, ()),
    "classes": ("Multiclass", "sklearn.linear_model.LogisticRegression", {}, ()),
    "positive": ("Binary", "sklearn.naive_bayes.ComplementNB", {}, ()),
    "no target, codes": ("Outlier", "sklearn.ensemble.IsolationForest", {"n_estimators": 2}, ()),
    "no target": ("Outlier", "sklearn.svm.OneClassSVM", {}, ()),
    "written": ("Regression", "sklearn.linear_model.Ridge", {}, WRITTEN),
}

ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "distance": st.none() | st.floats(-1e9, 1e9),
            "seats": st.none() | st.integers(-5, 500),
            "carrier": st.sampled_from(["AA", "DL", "UA", "", "zz", None]),
            "tail": st.none() | st.sampled_from(["N1", "N299", "none", "N300", "?"]),
            "heavy": st.none() | st.booleans(),
            "when": st.none()
            | st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1)).map(dt.datetime.isoformat),
        }
    ),
    min_size=1,
    max_size=5,
)


@pytest.fixture(scope="module")
def designs():
    made = {}
    for name, (task, estimator, parameters, steps) in DESIGNS.items():
        prepared = case(task)
        made[name] = (prepared.signature, prepared.fitted(estimator, parameters, preprocess=steps))
    return made


@pytest.mark.parametrize("design", DESIGNS)
@settings(max_examples=40, deadline=None)
@given(rows=ROWS)
def test_the_fast_encoder_equals_the_pipeline(designs, design, rows):
    signature, pipeline = designs[design]
    record = EncoderRecord.from_json(compile_encoder(pipeline[0]).to_json())
    columns = canonicalise(rows, signature)
    expected = pipeline[0].transform(frame(columns, signature))
    np.testing.assert_array_equal(FastEncoder(record).encode(columns), expected)


def test_an_all_numeric_matrix_goes_through_without_being_taken_apart():
    table = mixed_table().select(["distance", "seats", "delay"])
    signature = infer_signature(table, target="delay", task="Regression").signature
    made = case("Regression", table)
    encoder = FastEncoder(compile_encoder(made.fitted("sklearn.linear_model.Ridge")[0]))
    matrix = np.array([[1.0, 2.0], [np.nan, 3.0]])
    columns = canonicalise(matrix, signature)
    assert isinstance(columns, NumericColumns)
    np.testing.assert_array_equal(encoder.encode(columns), encoder.encode(dict(columns)))
    assert np.isnan(matrix[1, 0])


def test_a_step_that_is_not_known_is_left_to_the_pipeline():
    from sklearn.compose import ColumnTransformer
    from sklearn.preprocessing import QuantileTransformer

    made = case("Regression")
    unknown = ColumnTransformer([("q", QuantileTransformer(n_quantiles=10), ["seats"])])
    unknown.fit(frame(made.columns, made.signature))
    with pytest.raises(NotCompilable, match="QuantileTransformer on seats"):
        compile_encoder(unknown)


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        ({"columns": ["nowhere"], "impute": "mean"}, '"nowhere" is not a feature'),
        ({"columns": ["seats"], "encode": "oneHot"}, "is for categories, but"),
        ({"columns": ["carrier"], "impute": "median"}, "impute it with mostFrequent or constant"),
        ({"columns": ["carrier"], "encode": "none"}, "needs an encoding"),
        ({"columns": ["seats"], "impute": "constant", "fillValue": "x"}, "needs a fillValue of its own type"),
        ({"columns": ["seats"], "impute": "constant"}, "needs a fillValue of its own type"),
    ],
)
def test_a_step_that_does_not_fit_its_column_is_refused(step, problem):
    with pytest.raises(EstimatorProblem, match=problem):
        case("Regression").fitted("sklearn.linear_model.Ridge", preprocess=[step])
