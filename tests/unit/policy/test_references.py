"""What objects refer to, told from their bodies alone."""

from datetime import timedelta
from typing import Any

import pytest

from perennial.api import ModelTraining
from perennial.api.identities import run_key
from perennial.policy.references import references
from perennial.store.layout import ModelKeys

REGISTRY = "s3://perennial/registry"
RUN = "ab" * 32
API = "perennial.dev/v1alpha1"


def body(kind: str, spec: dict[str, Any], status: dict[str, Any] | None = None, **notes: str) -> dict[str, Any]:
    meta = {"name": "m", "namespace": "team", "uid": "u", "annotations": notes}
    return {"apiVersion": API, "kind": kind, "metadata": meta, "spec": spec, "status": status or {}}


def training(status: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    asked = {
        "data": {"train": {"uri": "s3://perennial/datasets/team/"}, "target": "y"},
        "algorithm": {"estimator": "sklearn.linear_model.LogisticRegression"},
    }
    return body("ModelTraining", {**asked, **spec}, status)


def over(value: str) -> dict[str, Any]:
    return {"conditions": [{"type": "Succeeded", "status": value}]}


@pytest.mark.parametrize(
    "found",
    [
        body("ModelDeployment", {"model": {"uri": f"{REGISTRY}/team/m/runs/{RUN}/", "digest": "sha256:" + "0" * 64}}),
        body("ModelDeployment", {"model": {"name": "m"}}, {"stable": {"runDigest": f"sha256:{RUN}"}}),
        body("ModelDeployment", {"model": {"name": "m"}}, {"of": {"a": {"later": ["release", f"sha256:{RUN}"]}}}),
        training({"run": {"key": "k", "digest": f"sha256:{RUN}"}}),
        training({"artifact": {"uri": f"{REGISTRY}/team/m/runs/{RUN}/attempts/pod/model.skops"}}),
        body("RetrainPolicy", {"trainingRef": {"name": "m"}}, None, note=f"keep sha256:{RUN}"),
    ],
    ids=["model.uri", "stable", "a field nobody knows", "run", "artifact", "annotation"],
)
def test_a_run_that_is_named_anywhere_in_an_object_is_referred_to(found: dict[str, Any]) -> None:
    assert f"sha256:{RUN}" in references([found], REGISTRY, "team").runs


def test_a_stored_file_that_a_status_names_is_kept_by_its_key() -> None:
    logs = training({"failure": {"reason": "OutOfMemory", "logs": f"{REGISTRY}/team/m/logs/job/pod.txt"}})
    elsewhere = training({"failure": {"reason": "OutOfMemory", "logs": "s3://perennial/registry2/team/x.txt"}})
    assert "team/m/logs/job/pod.txt" in references([logs], REGISTRY + "/", "team").keys
    assert not any("x.txt" in key for key in references([elsewhere], REGISTRY, "team").keys)


def test_an_object_that_was_restored_without_its_status_still_refers_to_its_run() -> None:
    restored = training(model="other")
    key = run_key(ModelTraining.model_validate(restored).spec.normalised(), model="other")
    assert references([restored], REGISTRY, "team").keys == {ModelKeys("team", "other").run_pointer(key)}


def test_the_run_of_the_status_stays_though_the_spec_asks_for_another_one() -> None:
    edited = training({"run": {"key": "c" * 64}}, seed=7)
    keys = references([edited], REGISTRY, "team").keys
    assert ModelKeys("team", "m").run_pointer("c" * 64) in keys
    assert len(keys) == 2


@pytest.mark.parametrize(
    ("status", "working"), [(None, True), (over("Unknown"), True), (over("True"), False), (over("False"), False)]
)
def test_a_model_is_worked_at_until_its_training_is_over(status: dict[str, Any] | None, working: bool) -> None:
    assert references([training(status)], REGISTRY, "team").working == (frozenset({"m"} if working else ()))


def test_score_logs_wait_for_labels_as_long_as_their_deployment_says() -> None:
    labels = {"uri": "s3://perennial/labels/", "delay": "60d"}
    asked = body("ModelDeployment", {"model": {"name": "m"}, "monitoring": {"labels": labels}})
    assert references([asked], REGISTRY, "team").labels_delay == {"u": timedelta(days=60)}
    none = body("ModelDeployment", {"model": {"name": "m"}})
    assert references([none], REGISTRY, "team").labels_delay == {}


def test_payloads_are_kept_as_their_deployment_says() -> None:
    asked = body("ModelDeployment", {"model": {"name": "m"}, "monitoring": {"payloads": {"keep": "3d"}}})
    assert references([asked], REGISTRY, "team").payloads_kept == {"u": timedelta(days=3)}


def test_an_object_that_this_release_cannot_read_keeps_what_it_names() -> None:
    old = training({"run": {"key": "c" * 64, "digest": f"sha256:{RUN}"}}, nonsense={"a": 1})
    found = references([old], REGISTRY, "team")
    assert found.runs == {f"sha256:{RUN}"}
    assert found.keys == {ModelKeys("team", "m").run_pointer("c" * 64)}
