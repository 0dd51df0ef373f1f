"""A policy that watches what no retraining of it can replace says so."""

from typing import Any

import pytest

from perennial.observe.cache import Cache
from perennial.reconcile.retrain.observed import Observed, observe

API = "perennial.dev/v1alpha1"
RUN = {"uri": "s3://perennial/registry/n/m/runs/" + "a" * 64 + "/", "digest": "sha256:" + "b" * 64}
TRAINING = {
    "data": {"train": {"uri": "s3://perennial/datasets/n/"}, "target": "y"},
    "algorithm": {"estimator": "sklearn.linear_model.LogisticRegression"},
}


def body(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": API, "kind": kind, "metadata": {"name": name, "namespace": "n", "uid": f"{kind}-{name}"},
        "spec": spec,
    }  # fmt: skip


def seen(model: dict[str, str], triggers: dict[str, Any]) -> Observed:
    cache = Cache()
    cache.upsert(body("ModelTraining", "t", {**TRAINING, "model": "m"}))
    cache.upsert(body("ModelDeployment", "d", {"model": model}))
    spec = {"trainingRef": {"name": "t"}, "deploymentRef": {"name": "d"}, "triggers": triggers}
    return observe(body("RetrainPolicy", "p", spec), cache)


PERFORMANCE = {"performance": {"metric": "roc_auc", "min": 0.6}}


@pytest.mark.parametrize("triggers", [{"drift": {}}, PERFORMANCE])
def test_a_deployment_of_the_trainings_own_model_is_reached(triggers: dict[str, Any]) -> None:
    assert seen({"name": "m"}, triggers).unreached == ""


@pytest.mark.parametrize("triggers", [{"drift": {}}, PERFORMANCE])
def test_a_deployment_that_serves_an_address_is_not_reached_and_what_to_give_is_said(triggers: dict[str, Any]) -> None:
    told = seen(RUN, triggers).unreached
    assert told.startswith("spec.deploymentRef: ModelDeployment d serves a run by its address")
    assert told.endswith("give it spec.model.name: m instead")


def test_a_deployment_of_another_model_is_not_reached_and_both_are_named() -> None:
    told = seen({"name": "other"}, {"drift": {}}).unreached
    assert "serves model other, and ModelTraining t makes model m" in told


def test_a_policy_that_watches_nothing_may_have_any_deployment() -> None:
    assert seen(RUN, {"newData": {}}).unreached == ""
