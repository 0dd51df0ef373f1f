"""What is wrong with a spec beyond its schema: the message names what came, what was expected and what to write."""

from typing import Any

import pytest

from hack.estimators import TARGET, text
from perennial.api import (
    ModelDeploymentSpec,
    ModelTrainingSpec,
    RetrainPolicySpec,
    validate_deployment,
    validate_policy,
    validate_training,
)
from perennial.api.estimators import estimators, nearest
from perennial.api.metrics import METRICS, USUAL
from tests.support.rule_examples import DROP, spec

LINEAR_SVC = "sklearn.svm.LinearSVC"
RIDGE = "sklearn.linear_model.Ridge"


def said(changes: dict[str, Any]) -> str:
    parsed = ModelTrainingSpec.model_validate(spec("ModelTraining", changes))
    return "\n".join(str(problem) for problem in validate_training(parsed))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"algorithm.estimator": "sklearn.ensemble.HistGradientBoostingClasifier"},
            "did you mean sklearn.ensemble.HistGradientBoostingClassifier",
        ),
        (
            {"algorithm.estimator": "RandomForestClassifier.RandomForestClassifier"},
            "did you mean sklearn.ensemble.RandomForestClassifier?",
        ),
        ({"algorithm.estimator": "os.system"}, "spec.algorithm.estimator: os.system is no classifier"),
        ({"algorithm.parameters": {"n_estimatos": 3}}, "has no parameter n_estimatos; did you mean n_estimators?"),
        ({"algorithm.parameters": {"max_features": 1.0}}, "1 could mean one or all"),
        ({"evaluation.metrics": ["auc"]}, "spec.evaluation.metrics[0]: there is no metric auc; did you mean roc_auc?"),
        ({"evaluation.metrics": ["xyz"]}, "there is no metric xyz; use one of roc_auc"),
        (
            {"evaluation.gates": [{"metric": "rmse", "max": 1}]},
            "spec.evaluation.gates[0].metric: rmse does not fit a classifier",
        ),
        ({"algorithm.estimator": RIDGE, "evaluation.metrics": ["f1"]}, "f1 does not fit a regressor: use r2, rmse"),
        ({"algorithm.estimator": LINEAR_SVC, "evaluation.metrics": ["log_loss"]}, "log_loss needs probabilities"),
        ({"data.target": DROP}, "spec.data.target: a classifier learns to predict a column"),
        ({"algorithm.estimator": RIDGE, "data.positiveClass": "yes"}, "a regressor predicts numbers"),
        ({"algorithm.estimator": RIDGE, "algorithm.decision": {"maximize": "f1"}}, "it chooses between classes"),
        ({"algorithm.estimator": RIDGE, "data.holdout": {"strategy": "stratified"}}, "use random or temporal"),
        ({"data.features": {"include": ["a", "b"], "exclude": ["b"]}}, "b is in include too"),
        ({"data.features": {"include": ["a", "id"], "idColumn": "id"}}, "id is an id or weight and never a feature"),
        (
            {"data.features": {"timeColumn": "t"}, "data.train.from": "2013-02-01", "data.train.to": "2013-01-01"},
            "2013-01-01 is not after from, 2013-02-01",
        ),
        (
            {"template.resources": {"requests": {"memory": "2Gi"}, "limits": {"memory": "1000Mi"}}},
            "spec.template.resources.requests.memory: 2Gi is more than the limit 1000Mi",
        ),
    ],
)
def test_a_problem_names_the_field_and_what_to_write(changes: dict[str, Any], expected: str) -> None:
    assert expected in said(changes)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"algorithm.parameters": {"n_estimators": 10, "max_features": "sqrt"}},
        {"algorithm.estimator": "lightgbm.LGBMClassifier", "algorithm.parameters": {"anything_else": 1}},
        {"algorithm.estimator": "sklearn.ensemble.IsolationForest", "data.target": DROP},
        {"algorithm.estimator": RIDGE, "evaluation.metrics": ["rmse", "mae", "r2"]},
        {"evaluation.metrics": ["f1_macro", "roc_auc"]},
    ],
)
def test_a_sound_training_has_no_problem(changes: dict[str, Any]) -> None:
    assert said(changes) == ""


def test_several_designs_are_of_one_task() -> None:
    changes = {"algorithm": {"candidates": [{"estimator": RIDGE}, {"estimator": LINEAR_SVC}]}}
    assert "they are of one task, but these are classifier, regressor" in said(changes)


@pytest.mark.parametrize("window", ["7m", "25h", "1s", "0s", "3d"])
def test_a_window_that_does_not_fill_a_day_is_a_problem(window: str) -> None:
    parsed = ModelDeploymentSpec.model_validate(spec("ModelDeployment", {"monitoring.window": window}))
    assert [p.field for p in validate_deployment(parsed)] == ["spec.monitoring.window"]


@pytest.mark.parametrize("window", ["1m", "30s", "15m", "1h", "24h", "1d"])
def test_a_window_that_fills_a_day_is_none(window: str) -> None:
    parsed = ModelDeploymentSpec.model_validate(spec("ModelDeployment", {"monitoring.window": window}))
    assert validate_deployment(parsed) == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"triggers.schedule": {"cron": "@daily", "timeZone": "Europe/Berlinn"}}, "spec.triggers.schedule.timeZone"),
        ({"triggers.schedule": {"cron": "@daily", "timeZone": "/etc/passwd"}}, "spec.triggers.schedule.timeZone"),
        ({"triggers.drift": {"window": "0s"}}, "spec.triggers.drift.window"),
        ({"data": {"last": "0d"}}, "spec.data.last"),
    ],
)
def test_a_policy_that_cannot_work_names_the_field(changes: dict[str, Any], field: str) -> None:
    parsed = RetrainPolicySpec.model_validate(spec("RetrainPolicy", changes))
    assert [p.field for p in validate_policy(parsed)] == [field]


def test_the_estimators_are_those_that_the_trainer_can_load() -> None:
    assert TARGET.read_text() == text(), "run `python -m hack.estimators`"


def test_the_estimators_that_people_ask_for_are_there() -> None:
    wanted = {
        "sklearn.ensemble.HistGradientBoostingClassifier": "classifier",
        "sklearn.linear_model.LogisticRegression": "classifier",
        "sklearn.ensemble.RandomForestRegressor": "regressor",
        "sklearn.ensemble.IsolationForest": "outlier_detector",
        "lightgbm.LGBMRegressor": "regressor",
        "xgboost.XGBClassifier": "classifier",
    }
    assert {path: estimators()[path].task for path in wanted} == wanted


def test_the_nearest_name_is_the_one_that_was_meant() -> None:
    assert nearest("sklearn.svm.RandomForestRegressor", estimators()) == ["sklearn.ensemble.RandomForestRegressor"]
    assert nearest("rocauc", METRICS)[0] == "roc_auc"
    assert nearest("completely-else", METRICS) == []


def test_what_is_measured_by_default_fits_its_task() -> None:
    assert all(task in METRICS[name].tasks for task, names in USUAL.items() for name in names)
