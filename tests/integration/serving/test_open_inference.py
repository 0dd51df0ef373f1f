"""Answers over REST against the Open Inference Protocol's published OpenAPI document."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.integration.serving.server import ServerProcess
from tests.integration.serving.test_v2 import ROW, mixed_inputs

PUBLISHED = Path(__file__).parents[2] / "contract" / "open_inference" / "open_inference_rest.yaml"
V2 = "/v2/models/flights"


@pytest.fixture(scope="module")
def check() -> Callable[[Any, str], None]:
    components = yaml.safe_load(PUBLISHED.read_text())["components"]

    def against(body: Any, schema: str) -> None:
        reference = {"$ref": f"#/components/schemas/{schema}", "components": components}
        jsonschema.Draft202012Validator(reference).validate(body)

    return against


Check = Callable[[Any, str], None]


@pytest.mark.parametrize("name", ["numeric", "mixed"])
@pytest.mark.parametrize("path", [V2, f"{V2}/versions/7"])
def test_metadata_is_as_published(name: str, path: str, check: Check, request: pytest.FixtureRequest) -> None:
    server: ServerProcess = request.getfixturevalue(name)
    check(server.client.get("/v2/").json(), "metadata_server_response")
    facts = server.client.get(path).json()
    check(facts, "metadata_model_response")
    published = yaml.safe_load(PUBLISHED.read_text())["components"]["schemas"]["metadata_model_response"]
    assert set(facts) == set(published["properties"])


@pytest.mark.parametrize("path", [f"{V2}/infer", f"{V2}/versions/7/infer"])
@pytest.mark.parametrize("name", ["numeric", "mixed"])
def test_every_output_of_an_inference_is_as_published(
    name: str, path: str, check: Check, request: pytest.FixtureRequest
) -> None:
    server: ServerProcess = request.getfixturevalue(name)
    columns = [{"name": f"x{i}", "shape": [1], "datatype": "FP64", "data": [ROW[i]]} for i in range(4)]
    outputs = [{"name": t["name"]} for t in server.client.get(V2).json()["outputs"]]
    body = {"id": "a", "inputs": columns if name == "numeric" else mixed_inputs(), "outputs": outputs}
    if name == "numeric":
        check(body, "inference_request")
    answer = server.client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    check(answer.json(), "inference_response")
    assert [t["name"] for t in answer.json()["outputs"]] == [o["name"] for o in outputs]
    check(
        server.client.post(path, json={"inputs": columns}).json(),
        "inference_response" if name == "numeric" else "inference_error_response",
    )


@pytest.mark.parametrize(
    ("method", "path", "schema"),
    [
        ("POST", f"{V2}/infer", "inference_error_response"),
        ("GET", "/v2/models/other", "metadata_model_error_response"),
        ("GET", f"{V2}/versions/8", "metadata_model_error_response"),
        ("PUT", "/v2/", "metadata_server_error_response"),
    ],
)
def test_every_refusal_is_as_published(
    numeric: ServerProcess, check: Check, method: str, path: str, schema: str
) -> None:
    answer = numeric.client.request(method, path)
    assert answer.is_client_error
    assert answer.headers["content-type"] == "application/json"
    check(answer.json(), schema)


def test_the_published_examples_that_are_inference_requests_are_understood(numeric: ServerProcess) -> None:
    examples = yaml.safe_load(PUBLISHED.read_text())["components"]["schemas"]["inference_request"]["x-examples"]
    asked = [example for example in examples.values() if "inputs" in example]
    assert asked
    for example in asked:
        answer = numeric.client.post(f"{V2}/infer", json=example)
        assert answer.status_code == 400
        assert "input0" in answer.json()["error"] or "input1" in answer.json()["error"]
