"""Health scripts for Argo CD, run by a Lua interpreter without the `string` library, as Argo CD runs them."""

from pathlib import Path
from typing import Any

import lupa
import pytest
import yaml

from hack import manifests
from perennial.api.deployment import ModelDeployment
from perennial.api.reasons import REASONS
from perennial.api.retrain import RetrainPolicy
from perennial.api.training import ModelTraining
from perennial.kube.resources import OWN_KINDS

FOLDER = Path(__file__).parents[2] / "manifests" / "argocd" / "resource_customizations" / "perennial.dev"
MODELS = {"ModelTraining": ModelTraining, "ModelDeployment": ModelDeployment, "RetrainPolicy": RetrainPolicy}
STATES = {"Healthy", "Progressing", "Degraded", "Suspended"}
SANDBOX = "getmetatable('').__index = nil; string, io, os, debug, package, require = nil, nil, nil, nil, nil, nil"


def cases() -> list[tuple[str, str, str, str]]:
    """(kind, input, status, message) of every health_test.yaml."""
    rows = []
    for kind in sorted(MODELS):
        for case in yaml.safe_load((FOLDER / kind / "health_test.yaml").read_text())["tests"]:
            expected = case["healthStatus"]
            rows.append((kind, case["inputPath"], expected["status"], expected["message"]))
    return rows


def health(kind: str, body: dict[str, Any]) -> tuple[str, str]:
    """What the script of the kind says of an object."""
    lua = lupa.LuaRuntime(register_eval=False, register_builtins=False)
    lua.execute(SANDBOX)
    lua.globals().obj = lua.table_from(body, recursive=True)
    told = lua.execute((FOLDER / kind / "health.lua").read_text())
    return told["status"], told["message"]


def read(kind: str, path: str) -> dict[str, Any]:
    body: dict[str, Any] = yaml.safe_load((FOLDER / kind / path).read_text())
    return body


def test_every_kind_has_a_script() -> None:
    assert {p.parent.name for p in FOLDER.glob("*/health.lua")} == set(MODELS) == set(OWN_KINDS)


@pytest.mark.parametrize(("kind", "path", "status", "message"), cases())
def test_the_script_tells_the_expected_health(kind: str, path: str, status: str, message: str) -> None:
    assert health(kind, read(kind, path)) == (status, message)


@pytest.mark.parametrize(("kind", "path"), [case[:2] for case in cases()])
def test_the_input_is_an_object_that_the_operator_could_have_written(kind: str, path: str) -> None:
    made = MODELS[kind].model_validate(read(kind, path))
    assert {c.reason for c in made.status.conditions} <= set(REASONS)


def test_every_state_that_a_script_tells_is_one_of_argo_cd_and_has_a_case_in_each_file_of_inputs() -> None:
    told = {(kind, status) for kind, _, status, _ in cases()}
    assert told == {(kind, status) for kind in MODELS for status in STATES}
    for kind in MODELS:
        inputs = {p.relative_to(FOLDER / kind).as_posix() for p in (FOLDER / kind / "testdata").iterdir()}
        assert inputs == {path for k, path, _, _ in cases() if k == kind}


def test_a_script_that_uses_the_string_library_would_fail_here() -> None:
    lua = lupa.LuaRuntime(register_eval=False, register_builtins=False)
    lua.execute(SANDBOX)
    with pytest.raises(lupa.LuaError, match="attempt to index"):
        lua.execute("return ('x'):upper()")


def test_the_configmap_for_argo_cd_holds_the_scripts() -> None:
    config = yaml.safe_load((manifests.FOLDER / "argocd" / "argocd-cm.yaml").read_text())
    scripts = {
        f"resource.customizations.health.perennial.dev_{k}": (FOLDER / k / "health.lua").read_text() for k in MODELS
    }
    assert config["data"] == scripts
