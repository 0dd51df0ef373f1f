"""The Open Inference Protocol over REST, call by call, against a real server."""

import struct
from typing import Any

import httpx
import msgspec
import numpy as np
import pytest

from tests.integration.serving.server import ServerProcess

ROW = [0.1, -0.2, 0.3, 0.4]
MIXED: dict[str, tuple[str, list[Any]]] = {
    "carrier": ("BYTES", ["AA", "ZZ"]),
    "distance": ("FP64", [100.5, None]),
    "night": ("BOOL", [True, None]),
    "at": ("BYTES", ["2026-01-05T10:00:00Z", None]),
}


def mixed_inputs(**changes: tuple[str, list[Any]] | None) -> list[dict[str, Any]]:
    columns = {**MIXED, **changes}
    return [
        {"name": name, "shape": [len(value[1])], "datatype": value[0], "data": value[1]}
        for name, value in columns.items()
        if value is not None
    ]


def post(server: ServerProcess, body: Any, **headers: str) -> httpx.Response:
    return server.client.post("/v2/models/flights/infer", json=body, headers=headers)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v2/health/live", {"live": True}),
        ("/v2/health/ready", {"ready": True}),
        ("/v2/models/flights/ready", {"name": "flights", "ready": True}),
        ("/v2/models/flights/versions/7/ready", {"name": "flights", "ready": True}),
        ("/v1/models", {"models": ["flights"]}),
        ("/v1/models/flights", {"name": "flights", "ready": True}),
    ],
)
def test_health_and_readiness_answer_with_and_without_version(
    numeric: ServerProcess, path: str, expected: dict[str, Any]
) -> None:
    answer = numeric.client.get(path)
    assert (answer.status_code, answer.json()) == (200, expected)


def test_metadata_shows_the_real_columns_and_outputs(mixed: ServerProcess) -> None:
    facts = mixed.client.get("/v2/models/flights").json()
    assert facts["versions"] == ["7"]
    assert {t["name"]: t["datatype"] for t in facts["inputs"]} == {
        "carrier": "BYTES", "distance": "FP64", "night": "BOOL", "at": "BYTES"
    }  # fmt: skip
    assert {t["name"] for t in facts["outputs"]} >= {"predict", "predict_proba"}
    assert mixed.client.get("/v2/models/flights/versions/7").json() == facts
    assert mixed.client.get("/v2").json()["extensions"] == ["binary_tensor_data", "model_repository"]
    assert mixed.client.get("/v2/").status_code == 200


def test_repository_index_lists_the_one_model(numeric: ServerProcess) -> None:
    index = numeric.client.post("/v2/repository/index", json={"ready": True}).json()
    assert index == [{"name": "flights", "version": "7", "state": "READY", "reason": ""}]


def test_flat_nested_and_by_column_tensors_mean_the_same(numeric: ServerProcess) -> None:
    nested = numeric.infer([ROW, ROW[::-1]], outputs=[{"name": "predict_proba"}]).json()["outputs"]
    flat = [{"name": "any", "shape": [2, 4], "datatype": "FP64", "data": ROW + ROW[::-1]}]
    columns = [
        {"name": f"x{i}", "shape": [2], "datatype": "FP64", "data": [ROW[i], ROW[::-1][i]]} for i in reversed(range(4))
    ]
    for inputs in (flat, columns):
        asked = {"inputs": inputs, "outputs": [{"name": "predict_proba"}]}
        assert post(numeric, asked).json()["outputs"] == nested


def test_the_answer_echoes_id_model_version_and_only_the_wanted_outputs_in_their_order(numeric: ServerProcess) -> None:
    answer = numeric.infer([ROW], id="a-1", outputs=[{"name": "predict_proba"}, {"name": "predict"}])
    body = answer.json()
    assert (body["id"], body["model_name"], body["model_version"]) == ("a-1", "flights", "7")
    assert [(t["name"], t["shape"]) for t in body["outputs"]] == [("predict_proba", [1, 2]), ("predict", [1])]
    assert answer.headers["x-perennial-version"] == "7"
    assert [t["name"] for t in numeric.infer([ROW]).json()["outputs"]] == ["predict"]


def test_versioned_path_answers_like_the_unversioned(numeric: ServerProcess) -> None:
    tensor = {"name": "x", "shape": [1, 4], "datatype": "FP64", "data": ROW}
    versioned = numeric.client.post("/v2/models/flights/versions/7/infer", json={"inputs": [tensor]})
    assert versioned.json() == numeric.infer([ROW]).json()


def test_mixed_columns_with_missing_unseen_and_identifiers_are_predicted(mixed: ServerProcess) -> None:
    inputs = [*mixed_inputs(), {"name": "id", "shape": [2], "datatype": "BYTES", "data": ["a", "b"]}]
    answer = post(mixed, {"inputs": inputs})
    assert answer.status_code == 200, answer.text
    labels = answer.json()["outputs"][0]
    assert labels["datatype"] == "BYTES"
    assert set(labels["data"]) <= {"yes", "no"}


def binary_request(tensors: list[tuple[str, str, list[int], bytes]], **more: Any) -> tuple[bytes, int]:
    inputs = [
        {"name": n, "datatype": d, "shape": s, "parameters": {"binary_data_size": len(b)}} for n, d, s, b in tensors
    ]
    head = msgspec.json.encode({"inputs": inputs, **more})
    return head + b"".join(b for *_, b in tensors), len(head)


def send_binary(server: ServerProcess, body: bytes, length: int) -> httpx.Response:
    headers = {"Inference-Header-Content-Length": str(length), "Content-Type": "application/octet-stream"}
    return server.client.post("/v2/models/flights/infer", content=body, headers=headers)


@pytest.mark.parametrize(("datatype", "kind"), [("FP64", "<f8"), ("FP32", "<f4"), ("FP16", "<f2"), ("INT16", "<i2")])
def test_binary_tensors_mean_the_same_as_json(numeric: ServerProcess, datatype: str, kind: str) -> None:
    rows = np.array([[1, 2, 3, 4], [-1, 0, 5, 2]], dtype=kind)
    body, length = binary_request([("x", datatype, [2, 4], rows.tobytes())], outputs=[{"name": "predict_proba"}])
    answer = send_binary(numeric, body, length)
    assert answer.status_code == 200, answer.text
    plain = numeric.infer(rows.astype(float).tolist(), outputs=[{"name": "predict_proba"}]).json()
    assert answer.json()["outputs"][0]["data"] == plain["outputs"][0]["data"]


def test_binary_outputs_follow_the_json_part_in_order(numeric: ServerProcess) -> None:
    raw = np.array([ROW]).tobytes()
    body, length = binary_request([("x", "FP64", [1, 4], raw)], parameters={"binary_data_output": True})
    answer = send_binary(numeric, body, length)
    end = int(answer.headers["inference-header-content-length"])
    head = msgspec.json.decode(answer.content[:end])
    assert head["outputs"][0]["parameters"] == {"binary_data_size": 8}
    assert struct.unpack("<q", answer.content[end:])[0] == numeric.infer([ROW]).json()["outputs"][0]["data"][0]


def test_text_travels_in_binary_form(mixed: ServerProcess) -> None:
    def texts(*values: str) -> bytes:
        return b"".join(struct.pack("<I", len(v.encode())) + v.encode() for v in values)

    tensors = [
        ("carrier", "BYTES", [2], texts("AA", "Zürich")),
        ("distance", "FP64", [2], np.array([100.0, np.nan]).tobytes()),
        ("night", "BOOL", [2], b"\x01\x00"),
        ("at", "BYTES", [2], texts("2026-01-05", "2026-01-06T01:02:03Z")),
    ]
    body, length = binary_request(tensors, outputs=[{"name": "predict", "parameters": {"binary_data": True}}])
    answer = send_binary(mixed, body, length)
    assert answer.status_code == 200, answer.text
    end = int(answer.headers["inference-header-content-length"])
    assert answer.content[end + 4 : end + 6] in (b"no", b"ye")


MATRIX = {"name": "x", "shape": [1, 4], "datatype": "FP64"}
REFUSED = [
    ("not json", b"{", 400, "no inference request"),
    ("no inputs", {}, 400, "inputs"),
    ("inputs empty", {"inputs": []}, 400, "expected one tensor per column"),
    ("wrong width", {"inputs": [{**MATRIX, "shape": [1, 3], "data": [1, 2, 3]}]}, 400, "expected [rows, 4]"),
    ("too few elements", {"inputs": [{**MATRIX, "data": [1, 2, 3]}]}, 400, "needs 4"),
    ("text in numbers", {"inputs": [{**MATRIX, "data": [1, "2", 3, 4]}]}, 400, "element 1"),
    ("datatype unknown", {"inputs": [{**MATRIX, "datatype": "FP128", "data": ROW}]}, 400, "expected one of"),
    ("text matrix", {"inputs": [{**MATRIX, "datatype": "BYTES", "data": list("abcd")}]}, 400, "numeric datatype"),
    ("integer too large", {"inputs": [{**MATRIX, "datatype": "INT8", "data": [1, 2, 3, 300]}]}, 400, "outside INT8"),
    ("negative shape", {"inputs": [{**MATRIX, "shape": [-1, 4], "data": ROW}]}, 400, "shape"),
    ("three dimensions", {"inputs": [{**MATRIX, "shape": [1, 2, 2], "data": ROW}]}, 400, "shape"),
    ("no rows", {"inputs": [{**MATRIX, "shape": [0, 4], "data": []}]}, 400, "no rows"),
    ("unknown column", {"inputs": [{"name": "z", "shape": [1], "datatype": "FP64", "data": [1]}]}, 400, "'z'"),
    ("missing columns", {"inputs": [{"name": "x0", "shape": [1], "datatype": "FP64", "data": [1]}]}, 400, "'x1'"),
    ("unknown output", {"inputs": [{**MATRIX, "data": ROW}], "outputs": [{"name": "why"}]}, 400, "'why'"),
    ("no data", {"inputs": [MATRIX]}, 400, "binary_data_size"),
    ("huge number", b'{"inputs":[{"name":"x","shape":[1,4],"datatype":"FP64","data":[1e999,1,1,1]}]}', 400, ""),
    ("null in integers", {"inputs": [{**MATRIX, "datatype": "INT8", "data": [1, None, 3, 300]}]}, 400, "outside INT8"),
    ("deep nesting", b'{"inputs":' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400, ""),
    ("deep parameters", b'{"parameters":{"a":' + b"[" * 50_000 + b"]" * 50_000 + b'},"inputs":[]}', 400, ""),
    ("bad utf-8", b'{"inputs":[{"name":"\xff","shape":[1],"datatype":"FP64","data":[1]}]}', 400, ""),
    ("huge shape", {"inputs": [{**MATRIX, "shape": [2**40, 4], "data": ROW}]}, 400, "needs"),
]


@pytest.mark.parametrize(("name", "body", "status", "says"), REFUSED, ids=[r[0] for r in REFUSED])
def test_what_a_client_got_wrong_is_named_and_never_a_server_error(
    numeric: ServerProcess, name: str, body: Any, status: int, says: str
) -> None:
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    answer = numeric.client.post("/v2/models/flights/infer", content=content)
    assert answer.status_code == status, answer.text
    assert says in answer.json()["error"]
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"carrier": None}, "'carrier'"),
        ({"distance": ("BYTES", ["a", "b"])}, "'distance'"),
        ({"at": ("BYTES", ["yesterday", None])}, "'at'"),
        ({"night": ("FP64", [0.5, 1.0])}, "'night'"),
        ({"distance": ("FP64", [1.0])}, "has 2"),
    ],
)
def test_a_column_that_does_not_fit_is_named(mixed: ServerProcess, changes: dict[str, Any], says: str) -> None:
    answer = post(mixed, {"inputs": mixed_inputs(**changes)})
    assert answer.status_code == 400
    assert says in answer.json()["error"]


def test_a_matrix_is_refused_where_columns_are_not_all_numeric(mixed: ServerProcess) -> None:
    answer = post(mixed, {"inputs": [{**MATRIX, "data": ROW}]})
    assert answer.status_code == 400
    assert "'carrier'" in answer.json()["error"]


@pytest.mark.parametrize(
    ("length", "size", "says"),
    [(10**6, 32, "Content-Length"), (0, 32, "no inference request"), (None, 33, "33"), (None, 31, "follow the last")],
)
def test_binary_lengths_that_do_not_add_up_are_refused(
    numeric: ServerProcess, length: int | None, size: int, says: str
) -> None:
    head = msgspec.json.encode({"inputs": [{**MATRIX, "parameters": {"binary_data_size": size}}]})
    answer = send_binary(numeric, head + np.array(ROW).tobytes(), len(head) if length is None else length)
    assert answer.status_code == 400
    assert says in answer.json()["error"] or "bytes" in answer.json()["error"]


def test_infinite_binary_values_are_refused_by_column(numeric: ServerProcess) -> None:
    body, length = binary_request([("x", "FP64", [1, 4], np.array([1, np.inf, 0, 0.0]).tobytes())])
    answer = send_binary(numeric, body, length)
    assert (answer.status_code, "'x1'" in answer.json()["error"]) == (400, True)


@pytest.mark.parametrize(
    ("method", "path", "status", "says"),
    [
        ("GET", "/v2/models/other", 404, "expected 'flights'"),
        ("POST", "/v2/models/other/infer", 404, "expected 'flights'"),
        ("GET", "/v2/models/flights/versions/8", 404, "expected '7'"),
        ("GET", "/v2/models/flights/infer", 405, "expected POST"),
        ("DELETE", "/v2/models/flights", 405, "expected GET"),
        ("GET", "/nowhere", 404, "/openapi.json"),
        ("POST", "/v2/repository/models/flights/unload", 400, "ModelDeployment"),
    ],
)
def test_unknown_models_versions_and_methods_say_what_there_is(
    numeric: ServerProcess, method: str, path: str, status: int, says: str
) -> None:
    answer = numeric.client.request(method, path)
    assert answer.status_code == status
    assert says in answer.json()["error"]


def test_too_many_rows_or_bytes_are_413_and_the_connection_lives_on(mixed: ServerProcess) -> None:
    many = mixed_inputs(**{name: (kind, values[:1] * 1001) for name, (kind, values) in MIXED.items()})
    answer = post(mixed, {"inputs": many})
    assert (answer.status_code, "1000" in answer.json()["error"]) == (413, True)
    large = mixed.client.post("/v2/models/flights/infer", content=b"x" * 1_000_000)
    assert (large.status_code, "200000" in large.json()["error"]) == (413, True)
    assert mixed.client.get("/v2/health/live").status_code == 200


def test_openapi_example_is_a_request_that_works(mixed: ServerProcess) -> None:
    document = mixed.client.get("/openapi.json").json()
    example = document["paths"]["/v2/models/flights/infer"]["post"]["requestBody"]["content"]["application/json"]
    assert post(mixed, example["example"]).status_code == 200
    v1 = document["paths"]["/v1/models/flights:predict"]["post"]["requestBody"]["content"]["application/json"]
    assert mixed.client.post("/v1/models/flights:predict", json=v1["example"]).status_code == 200


def test_the_page_names_every_column_and_asks_nobody_else(mixed: ServerProcess) -> None:
    page = mixed.client.get("/", headers={"Accept": "text/html,*/*"})
    assert page.headers["content-type"].startswith("text/html")
    assert all(f'name="{name}"' in page.text for name in MIXED)
    assert "http://" not in page.text
    assert "https://" not in page.text
    assert "{{" not in page.text
