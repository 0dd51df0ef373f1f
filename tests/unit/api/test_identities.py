"""The four identities: pinned values, for objects in storage are addressed by them."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perennial.api.identities import (
    InputObject,
    bare,
    canonical_json,
    data_digest,
    digest_of,
    environment_digest,
    result_fields,
    revision_key,
    run_digest,
    run_key,
)
from tests.support.rule_examples import spec

SPEC = spec("ModelTraining", {})
OBJECTS = (InputObject("2013-01.parquet", 10, etag="a"), InputObject("2013-02.parquet", 20, etag="b"))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_canonical_json_holds_the_same_value(value: Any) -> None:
    assert json.loads(canonical_json(value)) == value


@pytest.mark.parametrize("value", [math.nan, math.inf, {"a": [-math.inf]}])
def test_canonical_json_refuses_what_json_has_not(value: Any) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json(value)


def test_canonical_json_is_one_byte_form() -> None:
    assert canonical_json({"b": [1, 0.5], "ä": None}) == '{"b":[1,0.5],"ä":null}'.encode()


def test_a_digest_of_data_does_not_depend_on_the_order_of_a_listing() -> None:
    assert data_digest(OBJECTS) == data_digest(reversed(OBJECTS))


def test_a_digest_of_data_is_pinned() -> None:
    assert bare(data_digest(OBJECTS))[:16] == "22daaa92d4019bee"


@pytest.mark.parametrize(
    "changed",
    [
        OBJECTS[:1],
        (OBJECTS[0], InputObject("2013-02.parquet", 20, etag="c")),
        (OBJECTS[0], InputObject("2013-02.parquet", 21, etag="b")),
        (OBJECTS[0], InputObject("2013-03.parquet", 20, etag="b")),
        (OBJECTS[0], InputObject("2013-02.parquet", 20, etag="b", version_id="v")),
    ],
)
def test_other_objects_are_other_data(changed: tuple[InputObject, ...]) -> None:
    assert data_digest(changed) != data_digest(OBJECTS)


def test_row_bounds_are_part_of_the_data() -> None:
    digests = {
        data_digest(OBJECTS),
        data_digest(OBJECTS, start="2013-01-01T00:00:00Z"),
        data_digest(OBJECTS, end="2013-01-01T00:00:00Z"),
    }
    assert len(digests) == 3


def test_training_again_on_demand_is_another_key_and_so_is_another_model() -> None:
    keys = {
        run_key(SPEC, model="flights"),
        run_key(SPEC, model="flights", retrain="1"),
        run_key(SPEC, model="flights", retrain="2"),
        run_key(SPEC, model="delays"),
    }
    assert len(keys) == 4


def test_a_run_is_addressed_by_its_data_not_by_where_they_lie() -> None:
    def address(uri: str, digest: str | None, data: str) -> str:
        train = {"uri": uri} | ({"digest": digest} if digest else {})
        return run_digest(
            spec("ModelTraining", {"data.train": train}), model="flights", data=data, environment="sha256:e"
        )

    here = address("s3://a/flights/", None, "sha256:d")
    assert address("s3://b/copy/", "sha256:d", "sha256:d") == here
    assert address("s3://a/flights/", None, "sha256:other") != here
    assert bare(here)[:16] == "ae80c24340edccea"


def test_an_environment_is_named_without_regard_to_order_and_case() -> None:
    one = environment_digest("3.13", {"numpy": "2.0", "scikit-learn": "1.9"})
    assert environment_digest("3.13", {"Scikit-Learn": "1.9", "NumPy": "2.0"}) == one
    assert environment_digest("3.13", {"numpy": "2.1", "scikit-learn": "1.9"}) != one
    assert environment_digest("3.14", {"numpy": "2.0", "scikit-learn": "1.9"}) != one


def test_nothing_written_out_is_the_same_as_nothing() -> None:
    plain = result_fields({"data": {"target": "late"}})
    assert result_fields({"data": {"target": "late", "features": {}, "expectations": [], "holdout": None}}) == plain
    assert result_fields({"data": {"target": "late", "secretRef": {"name": "s"}}, "suspend": True}) == plain


def test_null_and_empty_are_values_of_a_parameter() -> None:
    def fields(parameters: Any) -> str:
        return digest_of(result_fields({"algorithm": {"estimator": "a.B", "parameters": parameters}}))

    assert len({fields({}), fields({"a": None}), fields({"a": []}), fields({"a": {}}), fields({"a": 0})}) == 5
    assert fields({}) == digest_of(result_fields({"algorithm": {"estimator": "a.B"}}))


def test_how_many_trials_run_at_a_time_is_not_of_the_result_but_a_parameter_of_that_name_is() -> None:
    def of(search: dict[str, Any]) -> str:
        return run_key({**SPEC, "algorithm": {"estimator": "a.B", "search": search}}, model="m")

    space = {"parallelism": {"min": 1, "max": 2}}
    one = of({"space": space})
    assert of({"space": space, "parallelism": 8}) == one
    assert of({"space": space, "trials": 8}) != one
    assert of({"space": {"parallelism": {"min": 1, "max": 3}}}) != one


def test_a_revision_follows_artifact_server_and_template_only() -> None:
    one = revision_key("sha256:a", {"workers": 2}, None)
    assert one == revision_key("sha256:a", {"workers": 2, "runtimeUpdate": "Rollout"}, {})
    assert one != revision_key("sha256:b", {"workers": 2}, None)
    assert one != revision_key("sha256:a", {"workers": 3}, None)
    assert one != revision_key("sha256:a", {"workers": 2}, {"labels": {"team": "a"}})
    assert one[:16] == "44ec161357a8955f"
