"""Rules in their Python form: every one has an example that it refuses, and says what to write instead."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from perennial.api import (
    ModelDeploymentSpec,
    ModelTrainingSpec,
    RetrainPolicySpec,
    problems_of,
    validate_deployment,
    validate_policy,
    validate_training,
)
from perennial.api.part import SpecModel
from perennial.api.schema import model_classes
from tests.support.rule_examples import EXAMPLES, Example, spec

KINDS: dict[str, tuple[type[SpecModel], Any]] = {
    "ModelTraining": (ModelTrainingSpec, validate_training),
    "ModelDeployment": (ModelDeploymentSpec, validate_deployment),
    "RetrainPolicy": (RetrainPolicySpec, validate_policy),
}


def told(kind: str, changes: dict[str, Any]) -> list[str]:
    """What parsing and validation say about the smallest spec with changes."""
    model, validate = KINDS[kind]
    try:
        parsed = model.model_validate(spec(kind, changes))
    except ValidationError as error:
        return [problem.message for problem in problems_of(error)]
    return [problem.message for problem in validate(parsed)]


@pytest.mark.parametrize("kind", KINDS)
def test_the_smallest_spec_breaks_no_rule(kind: str) -> None:
    assert told(kind, {}) == []


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e.name)
def test_a_rule_refuses_what_it_is_for_and_says_what_to_write(example: Example) -> None:
    assert any(example.message in message for message in told(example.kind, example.bad))


@pytest.mark.parametrize("example", [e for e in EXAMPLES if e.good], ids=lambda e: e.name)
def test_a_rule_accepts_what_its_message_advises(example: Example) -> None:
    assert not any(example.message in message for message in told(example.kind, example.good))


def rules() -> set[str]:
    """Messages of every rule that both forms can judge."""
    classes: list[type[BaseModel]] = [c for model, _ in KINDS.values() for c in model_classes(model).values()]
    return {r.message for c in classes if issubclass(c, SpecModel) for r in c.RULES if r.holds and r.cel}


def test_every_rule_has_an_example_that_it_refuses() -> None:
    missing = [message for message in rules() if not any(e.message in message for e in EXAMPLES)]
    assert missing == []
