"""The one form of a spec: what changes an identity and what must not. Pinned values are costly to change."""

from typing import Any

import pytest

from perennial.api import ModelTraining, ModelTrainingSpec
from perennial.api.identities import run_key
from tests.support.rule_examples import spec


def key(changes: dict[str, Any]) -> str:
    parsed = ModelTrainingSpec.model_validate(spec("ModelTraining", changes))
    return run_key(parsed.normalised(), model="flights")


SMALLEST = key({})


def test_the_run_key_of_the_smallest_spec_never_changes() -> None:
    assert SMALLEST == "663dd06052c0a67094170c0f5f042b659cd451b8e57fa69042fa48d1f5308f4a"


@pytest.mark.parametrize(
    "default",
    [
        {"seed": 42},
        {"preprocess": "auto"},
        {"data.holdout": {}},
        {"data.holdout": {"fraction": 0.2}},
        {"data.holdout": {"fraction": 0.20, "strategy": "random"}},
        {"data.features": {}},
        {"data.expectations": []},
        {"algorithm.parameters": {}},
        {"algorithm.calibration": "none"},
        {"algorithm.decision": {"threshold": 0.5}},
        {"algorithm.candidates": []},
    ],
    ids=str,
)
def test_writing_a_default_out_changes_no_identity(default: dict[str, Any]) -> None:
    assert key(default) == SMALLEST


@pytest.mark.parametrize(
    "other",
    [
        {"template": {"resources": {"limits": {"memory": "2Gi"}}}},
        {"evaluation": {"gates": [{"metric": "roc_auc", "min": 0.6}], "slices": [{"column": "carrier"}]}},
        {"suspend": True},
        {"backoffLimit": 0},
        {"ttlSecondsAfterFinished": 5},
        {"activeDeadlineSeconds": 60},
        {"priorityClassName": "high"},
        {"reuse": False},
        {"approval": "Manual"},
        {"data.secretRef": {"name": "elsewhere"}},
    ],
    ids=str,
)
def test_what_does_not_change_the_result_is_not_in_the_key(other: dict[str, Any]) -> None:
    assert key(other) == SMALLEST


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 43},
        {"data.target": "early"},
        {"data.train": {"uri": "s3://datasets/other/"}},
        {"data.train": {"uri": "s3://datasets/flights/", "include": "*.parquet"}},
        {"data.holdout": {"fraction": 0.3}},
        {"data.holdout": {"strategy": "stratified"}},
        {"data.features": {"exclude": ["built"]}},
        {"data.features": {"timeColumn": "time"}},
        {"algorithm.parameters": {"max_depth": 3}},
        {"algorithm.parameters": {"max_features": None}},
        {"algorithm.decision": {"threshold": 0.4}},
        {"algorithm.refit": "all"},
        {"preprocess": {"steps": [{"type": "numeric", "scale": "robust"}]}},
    ],
    ids=str,
)
def test_what_changes_the_result_changes_the_key(change: dict[str, Any]) -> None:
    assert key(change) != SMALLEST


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"algorithm.parameters": {"a": 1.0}}, {"algorithm.parameters": {"a": 1}}),
        ({"algorithm.parameters": {"a": 1, "b": 2}}, {"algorithm.parameters": {"b": 2, "a": 1}}),
        ({"data.features": {"exclude": ["a", "b"]}}, {"data.features": {"exclude": ["b", "a"]}}),
        (
            {"data.features": {"timeColumn": "t"}, "data.train.from": "2013-01-01"},
            {"data.features": {"timeColumn": "t"}, "data.train.from": "2013-01-01T01:00:00+01:00"},
        ),
        (
            {"data.features": {"timeColumn": "t"}, "data.holdout": {"strategy": "temporal"}},
            {"data.features": {"timeColumn": "t"}},
        ),
    ],
)
def test_two_spellings_of_one_thing_are_one_identity(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert key(one) == key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"algorithm.parameters": {"a": True}}, {"algorithm.parameters": {"a": 1}}),
        ({"algorithm.parameters": {"a": "1"}}, {"algorithm.parameters": {"a": 1}}),
        ({"algorithm.parameters": {"a": []}}, {"algorithm.parameters": {}}),
        ({"algorithm.parameters": {"a": 0.1}}, {"algorithm.parameters": {"a": 0.10000001}}),
    ],
)
def test_two_different_parameters_are_two_identities(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert key(one) != key(other)


def test_the_normal_form_is_a_spec_with_the_same_key() -> None:
    first = ModelTrainingSpec.model_validate(
        spec(
            "ModelTraining",
            {"seed": 7, "algorithm.parameters": {"a": None, "b": 2.0}, "data.holdout": {"fraction": 0.3}},
        )
    ).normalised()
    assert ModelTrainingSpec.model_validate(first).normalised() == first


def test_the_model_is_named_after_the_object_unless_it_says_otherwise() -> None:
    document = {"metadata": {"name": "flights"}, "spec": spec("ModelTraining", {})}
    assert ModelTraining.model_validate(document).model == "flights"
    document["spec"]["model"] = "delays"
    assert ModelTraining.model_validate(document).model == "delays"
