"""What a container cannot mean is told by its field."""

from typing import Any

import pytest

from perennial.api.training import ModelTrainingSpec
from perennial.api.validate import validate_training


def problems(container: dict[str, Any] | None = None, **more: Any) -> list[str]:
    data = {"train": {"uri": "s3://b/d/"}, "target": "y"}
    spec = {"data": data, "container": {"image": "own:1", **(container or {})}, **more}
    return [problem.field for problem in validate_training(ModelTrainingSpec.model_validate(spec))]


def test_a_plain_container_is_fine() -> None:
    assert problems() == []
    assert problems({"task": "Regression", "fetch": True, "env": [{"name": "A", "value": "b"}]}) == []


@pytest.mark.parametrize(
    ("container", "more", "field"),
    [
        ({}, {"preprocess": {"steps": [{"type": "numeric", "scale": "standard"}]}}, "spec.preprocess"),
        ({"task": "Classification"}, {"data": {"train": {"uri": "s3://b/d/"}}}, "spec.container.task"),
    ],
)
def test_what_does_not_fit_is_named(container: dict[str, Any], more: dict[str, Any], field: str) -> None:
    assert problems(container, **more) == [field]


def test_only_an_outlier_detector_needs_no_target() -> None:
    assert problems({"task": "Outlier"}, data={"train": {"uri": "s3://b/d/"}}) == []
