"""KServe's V1 protocol against a real server."""

from typing import Any

import pytest

from tests.integration.serving.server import ServerProcess

OBJECTS = [
    {"carrier": "AA", "distance": 100.5, "night": True, "at": "2026-01-05T10:00:00Z"},
    {"carrier": "DL", "distance": None, "night": None, "at": None},
]


def predict(server: ServerProcess, body: Any) -> Any:
    return server.client.post("/v1/models/flights:predict", json=body)


def test_rows_as_objects_and_as_lists_mean_the_same(mixed: ServerProcess) -> None:
    names = [t["name"] for t in mixed.client.get("/v2/models/flights").json()["inputs"]]
    objects = predict(mixed, {"instances": OBJECTS})
    lists = predict(mixed, {"instances": [[row[name] for name in names] for row in OBJECTS]})
    assert objects.status_code == 200, objects.text
    assert objects.json() == lists.json()
    assert len(objects.json()["predictions"]) == 2


def test_v1_and_v2_give_the_same_prediction(numeric: ServerProcess) -> None:
    rows = [[0.1, 0.2, -0.3, 1.0], [-5.0, 0.0, -2.0, -1.0]]
    v2 = numeric.infer(rows).json()["outputs"][0]["data"]
    assert predict(numeric, {"instances": rows}).json() == {"predictions": v2}


def test_missing_numbers_in_lists_are_predicted(numeric: ServerProcess) -> None:
    assert predict(numeric, {"instances": [[1, None, 3, 4]]}).status_code == 200


def test_several_outputs_make_an_object_a_row(numeric: ServerProcess) -> None:
    answer = predict(numeric, {"instances": [[1, 2, 3, 4]], "outputs": ["predict", "predict_proba"]})
    assert list(answer.json()["predictions"][0]) == ["predict", "predict_proba"]


def test_kserves_clients_read_at_the_root_that_the_server_is_alive(numeric: ServerProcess) -> None:
    assert numeric.client.get("/", headers={"Accept": "*/*"}).json() == {"status": "alive"}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "instances"),
        ({"instances": []}, "at least one"),
        ({"instances": 5}, "list of rows"),
        ({"instances": [[1, 2, 3]]}, "expected 4"),
        ({"instances": [[1, 2, 3, "4"]]}, "'x3'"),
        ({"instances": [{"x0": 1}]}, "'x1'"),
        ({"instances": [{"x0": 1, "x1": 1, "x2": 1, "x3": 1, "z": 1}]}, "'z'"),
        ({"instances": [[1, 2, 3, [4]]]}, "instances"),
    ],
)
def test_wrong_rows_are_named(numeric: ServerProcess, body: Any, says: str) -> None:
    answer = predict(numeric, body)
    assert answer.status_code == 400
    assert says in answer.json()["error"]
