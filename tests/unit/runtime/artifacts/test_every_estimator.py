"""Every estimator that may be named either packs and answers alike after reloading, or is refused with its reason."""

import warnings

import numpy as np
import pytest
from sklearn.utils.discovery import all_estimators

from perennial.runtime.artifacts import (
    EstimatorProblem,
    NotPackable,
    estimator_task,
    frame,
    known_estimators,
    load_model,
    resolve_estimator,
    save_model,
)
from perennial.runtime.artifacts.allowlist import trusted_types
from perennial.runtime.artifacts.sklearn_types import ESTIMATORS
from tests.unit.runtime.artifacts.tables import case, mixed_table

LINEAR = {"estimator": "sklearn.linear_model.LogisticRegression"}
PARAMETERS = {
    "AdaBoostClassifier": {"n_estimators": 5},
    "AdaBoostRegressor": {"n_estimators": 5},
    "BaggingClassifier": {"n_estimators": 3},
    "BaggingRegressor": {"n_estimators": 3},
    "ExtraTreesClassifier": {"n_estimators": 5},
    "ExtraTreesRegressor": {"n_estimators": 5},
    "FixedThresholdClassifier": {"estimator": LINEAR},
    "GradientBoostingClassifier": {"n_estimators": 5},
    "GradientBoostingRegressor": {"n_estimators": 5},
    "HistGradientBoostingClassifier": {"max_iter": 5},
    "HistGradientBoostingRegressor": {"max_iter": 5},
    "IsolationForest": {"n_estimators": 5},
    "LGBMClassifier": {"n_estimators": 5},
    "LGBMRegressor": {"n_estimators": 5},
    "LogisticRegressionCV": {"Cs": 2, "l1_ratios": [0], "use_legacy_attributes": False, "scoring": "neg_log_loss"},
    "NuSVC": {"nu": 0.1},
    "OneVsOneClassifier": {"estimator": LINEAR},
    "OneVsRestClassifier": {"estimator": LINEAR},
    "OutputCodeClassifier": {"estimator": LINEAR},
    "RadiusNeighborsClassifier": {"radius": 100.0},
    "RadiusNeighborsRegressor": {"radius": 100.0},
    "RandomForestClassifier": {"n_estimators": 5},
    "RandomForestRegressor": {"n_estimators": 5},
    "SelfTrainingClassifier": {"estimator": LINEAR},
    "StackingClassifier": {"estimators": [["a", LINEAR]]},
    "StackingRegressor": {"estimators": [["a", {"estimator": "sklearn.linear_model.Ridge"}]]},
    "VotingClassifier": {"estimators": [["a", LINEAR]]},
    "VotingRegressor": {"estimators": [["a", {"estimator": "sklearn.linear_model.Ridge"}]]},
    "TheilSenRegressor": {"max_subpopulation": 100},
    "TunedThresholdClassifierCV": {"estimator": LINEAR},
    "XGBClassifier": {"n_estimators": 5},
    "XGBRFClassifier": {"n_estimators": 5},
    "XGBRFRegressor": {"n_estimators": 5},
    "XGBRegressor": {"n_estimators": 5},
}

REFUSED = {
    "TunedThresholdClassifierCV": "holds a scorer, which is a function; `decision` of the spec chooses thresholds",
    "IsotonicRegression": "reads one column only",
}
"""Estimators that cannot be packed or fitted on a table, and why."""

TASKS = {"classifier": "Binary", "regressor": "Regression", "outlier_detector": "Outlier"}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", sorted(known_estimators()))
def test_an_estimator_packs_and_answers_alike_or_is_refused(path, tmp_path):
    name = path.rsplit(".", 1)[1]
    made = case(TASKS[estimator_task(path)], mixed_table(rows=150))
    target = made.target if made.target is None or made.target.dtype.kind == "i" else np.abs(made.target) + 0.1
    object.__setattr__(made, "target", target)
    if name in REFUSED:
        with pytest.raises((NotPackable, EstimatorProblem, ValueError)):
            save_model(made.fitted(path, PARAMETERS.get(name)), made.signature, tmp_path, holdout=made.columns)
        return
    pipeline = made.fitted(path, PARAMETERS.get(name))
    packaged = save_model(pipeline, made.signature, tmp_path, holdout=made.columns)
    model = load_model(tmp_path, packaged.signature, packaged.artifact)
    model.warm_up()
    outputs = {output.name for output in packaged.signature.outputs}
    assert "predict" in outputs
    answers = model.predict(made.columns, outputs)
    table = frame(made.columns, made.signature)
    for output in outputs - {"predict"}:
        np.testing.assert_allclose(answers[output], getattr(pipeline, output)(table), rtol=1e-4, atol=1e-5)
    if estimator_task(path) == "regressor":
        np.testing.assert_allclose(answers["predict"], np.ravel(pipeline.predict(table)), rtol=1e-4, atol=1e-5)


def test_every_estimator_is_on_the_allow_list_and_every_type_on_it_exists():
    trusted = trusted_types("ObjectNode")
    named = {f"{cls.__module__}.{cls.__name__}" for cls in known_estimators().values()}
    assert {name.rsplit(".", 1)[1] for name in named - trusted} == {"TunedThresholdClassifierCV"}
    listed = {f"{module}.{name}" for module, names in ESTIMATORS.items() for name in names.split()}
    assert listed <= {f"{cls.__module__}.{cls.__name__}" for _, cls in all_estimators()}


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("sklearn.ensemble.RandomForestClasifier", "sklearn.ensemble.RandomForestClassifier"),
        ("sklearn.HistGradientBoostingClassifier", "sklearn.ensemble.HistGradientBoostingClassifier"),
        ("os.system", "did you mean|not a classifier"),
        ("sklearn.cluster.KMeans", "not a classifier"),
        ("sklearn.multioutput.ClassifierChain", "for one target"),
    ],
)
def test_an_estimator_that_may_not_be_named_is_refused_with_the_nearest_one(path, hint):
    with pytest.raises(EstimatorProblem, match=hint):
        resolve_estimator(path)


def test_an_unknown_parameter_is_refused_with_those_there_are():
    with pytest.raises(EstimatorProblem, match=r'no parameter "tress"; it has .*n_estimators'):
        case("Binary").fitted("sklearn.ensemble.RandomForestClassifier", {"tress": 5})


def test_class_weights_are_given_by_label():
    pipeline = case("Binary").fitted("sklearn.linear_model.LogisticRegression", {"class_weight": {"yes": 3, "no": 1}})
    assert pipeline[-1].class_weight == {1: 3.0, 0: 1.0}
    with pytest.raises(EstimatorProblem, match="class_weight names maybe; the classes are no, yes"):
        case("Binary").fitted("sklearn.linear_model.LogisticRegression", {"class_weight": {"maybe": 3}})


def test_the_seed_reaches_every_estimator_inside():
    stack = {"estimators": [["a", {"estimator": "sklearn.tree.DecisionTreeClassifier"}]]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline = case("Binary").fitted("sklearn.ensemble.StackingClassifier", stack, seed=7)
    assert pipeline[-1].estimators[0][1].random_state == 7
