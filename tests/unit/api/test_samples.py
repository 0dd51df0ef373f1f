"""The samples are what people copy: each must parse, keep all rules and have nothing that is not supported yet."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from perennial.api import (
    ModelDeployment,
    ModelTraining,
    RetrainPolicy,
    validate_deployment,
    validate_policy,
    validate_training,
)

SAMPLES = sorted((Path(__file__).parents[3] / "manifests/samples").glob("*.yaml"))
KINDS: dict[str, Any] = {
    "ModelTraining": (ModelTraining, validate_training),
    "ModelDeployment": (ModelDeployment, validate_deployment),
    "RetrainPolicy": (RetrainPolicy, validate_policy),
}


def documents() -> list[dict[str, Any]]:
    ours = [d for path in SAMPLES for d in yaml.safe_load_all(path.read_text()) if d["kind"] in KINDS]
    assert {d["kind"] for d in ours} == set(KINDS)
    return ours


@pytest.mark.parametrize("document", documents(), ids=lambda d: f"{d['kind']}-{d['metadata']['name']}")
def test_a_sample_has_no_problem(document: dict[str, Any]) -> None:
    model, validate = KINDS[document["kind"]]
    parsed = model.model_validate(document)
    assert validate(parsed.spec) == []


@pytest.mark.parametrize("document", documents(), ids=lambda d: f"{d['kind']}-{d['metadata']['name']}")
def test_a_sample_comes_back_from_its_model_as_it_was(document: dict[str, Any]) -> None:
    model, _ = KINDS[document["kind"]]
    written = model.model_validate(document).to_json_dict()["spec"]
    assert model.model_validate({**document, "spec": written}).to_json_dict()["spec"] == written
    assert set(written) == set(document["spec"])
