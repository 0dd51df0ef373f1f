"""What a candidate may change about its inputs and outputs without a person's word."""

import pytest

from perennial.api.records.signature import InputColumn, OutputTensor, Signature
from perennial.policy.rollout.signature import breaks

AGE = InputColumn(name="age", kind="numeric", datatype="FP64")
CITY = InputColumn(name="city", kind="categorical", datatype="BYTES")
LABEL = OutputTensor(name="predict", datatype="BYTES", shape=[-1])
SCORES = OutputTensor(name="predict_proba", datatype="FP64", shape=[-1, 2])


def signature(*inputs: InputColumn, outputs: tuple[OutputTensor, ...] = (LABEL, SCORES), **more: object) -> Signature:
    held = {"task": "Binary", "classes": ["no", "yes"], **more}
    return Signature.model_validate({**held, "inputs": list(inputs), "outputs": list(outputs)})


STABLE = signature(AGE, CITY)


@pytest.mark.parametrize(
    "candidate",
    [
        signature(CITY, AGE),
        signature(AGE, CITY, InputColumn(name="new", kind="numeric", datatype="FP64", required=False)),
        signature(AGE, CITY.model_copy(update={"required": False, "categories": ["Oslo"]})),
        signature(AGE, CITY, outputs=(SCORES, LABEL, OutputTensor(name="explain", datatype="FP64", shape=[-1, 3]))),
    ],
    ids=["another order", "an optional input more", "an input less required", "an output more"],
)
def test_what_every_request_survives_needs_no_persons_word(candidate: Signature) -> None:
    assert breaks(STABLE, candidate) == ""


@pytest.mark.parametrize(
    ("candidate", "told"),
    [
        (signature(AGE), "input city is gone"),
        (signature(AGE, CITY, InputColumn(name="new", kind="text", datatype="BYTES")), "input new is newly required"),
        (
            signature(AGE.model_copy(update={"datatype": "INT64"}), CITY),
            "input age was numeric (FP64), is numeric (INT64)",
        ),
        (signature(AGE.model_copy(update={"nullable": False}), CITY), "input age may no longer be missing"),
        (signature(AGE, CITY, outputs=(LABEL,)), "output predict_proba is gone"),
        (
            signature(AGE, CITY, outputs=(LABEL, SCORES.model_copy(update={"shape": [-1, 3]}))),
            "output predict_proba was FP64 [-1, 2], is FP64 [-1, 3]",
        ),
        (signature(AGE, CITY, classes=["yes", "no"]), "the classes were ['no', 'yes'], are ['yes', 'no']"),
    ],
    ids=[
        "removed",
        "newly required",
        "retyped",
        "not nullable",
        "output removed",
        "output reshaped",
        "classes swapped",
    ],
)
def test_what_a_request_may_not_survive_is_named(candidate: Signature, told: str) -> None:
    assert told in breaks(STABLE, candidate)


def test_an_optional_input_that_becomes_required_breaks_requests_without_it() -> None:
    before = signature(AGE, CITY.model_copy(update={"required": False}))
    assert "input city is newly required" in breaks(before, STABLE)


def test_every_problem_is_named_at_once() -> None:
    told = breaks(STABLE, signature(AGE.model_copy(update={"kind": "text", "datatype": "BYTES"}), outputs=(LABEL,)))
    assert told.count(";") == 2
