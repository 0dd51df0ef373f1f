"""The CRDs as files: what they must never lack, and that they are what the models generate."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from perennial.api.crdgen import files

CRDS = Path(__file__).parents[2] / "crds"
LARGEST = 200 * 1024
NAMES = sorted(files())


@cache
def version(name: str) -> dict[str, Any]:
    crd = yaml.safe_load((CRDS / name).read_text())
    only: dict[str, Any] = crd["spec"]["versions"][0]
    return only


def schema(name: str) -> dict[str, Any]:
    root: dict[str, Any] = version(name)["schema"]["openAPIV3Schema"]
    return root


def nodes(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema below one, with its path; metadata is the API server's."""
    yield path, node
    for name, part in node.get("properties", {}).items():
        if path or name != "metadata":
            yield from nodes(part, f"{path}.{name}")
    if isinstance(node.get("items"), dict):
        yield from nodes(node["items"], f"{path}[]")
    if isinstance(node.get("additionalProperties"), dict):
        yield from nodes(node["additionalProperties"], f"{path}{{}}")


def faults(name: str, faulty: Any) -> list[str]:
    return [path for path, node in nodes(schema(name)) if faulty(node)]


def test_the_files_are_what_the_models_generate() -> None:
    assert {p.name: p.read_text() for p in CRDS.glob("*.yaml")} == files(), "run `python -m perennial.api.crdgen`"


@pytest.mark.parametrize("name", NAMES)
def test_a_crd_fits_into_etcd_with_room_to_spare(name: str) -> None:
    assert (CRDS / name).stat().st_size <= LARGEST


@pytest.mark.parametrize("name", NAMES)
def test_every_string_has_a_longest_length(name: str) -> None:
    bounded = ("maxLength", "enum")
    assert faults(name, lambda n: n.get("type") == "string" and not any(b in n for b in bounded)) == []
    assert faults(name, lambda n: n.get("x-kubernetes-int-or-string") and "maxLength" not in n) == []


@pytest.mark.parametrize("name", NAMES)
def test_every_list_and_map_has_a_largest_size(name: str) -> None:
    assert faults(name, lambda n: n.get("type") == "array" and "maxItems" not in n) == []
    assert faults(name, lambda n: "additionalProperties" in n and "maxProperties" not in n) == []


@pytest.mark.parametrize("name", NAMES)
def test_every_list_says_how_it_is_merged(name: str) -> None:
    assert faults(name, lambda n: n.get("type") == "array" and "x-kubernetes-list-type" not in n) == []


@pytest.mark.parametrize("name", NAMES)
def test_keys_of_a_merged_list_are_required(name: str) -> None:
    def unkeyed(node: dict[str, Any]) -> bool:
        keys = set(node.get("x-kubernetes-list-map-keys", ()))
        merged = node.get("x-kubernetes-list-type") == "map"
        return merged and (not keys or not keys <= set(node["items"].get("required", ())))

    assert faults(name, unkeyed) == []


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_nullable_and_every_part_has_one_type(name: str) -> None:
    forbidden = {"nullable", "anyOf", "oneOf", "allOf", "not", "$ref", "$defs", "title"}
    assert faults(name, lambda n: forbidden & set(n)) == []
    open_ = ("x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields")
    assert faults(name, lambda n: "type" not in n and not any(n.get(o) for o in open_)) == []


@pytest.mark.parametrize("name", NAMES)
def test_every_field_is_described(name: str) -> None:
    found = [
        f"{path}.{field}"
        for path, node in nodes(schema(name))
        for field, part in node.get("properties", {}).items()
        if len(part.get("description", "")) < 4 and field != "metadata"
    ]
    assert found == []


@pytest.mark.parametrize("name", NAMES)
def test_only_what_belongs_to_others_is_open(name: str) -> None:
    opened = {path for path, node in nodes(schema(name)) if node.get("x-kubernetes-preserve-unknown-fields")}
    assert opened <= {
        ".spec.preprocess",
        ".spec.algorithm.parameters",
        ".spec.algorithm.candidates[].parameters",
        ".spec.algorithm.search.space{}.values[]",
        ".spec.container.parameters",
        ".spec.workload.template.spec",
    }


@pytest.mark.parametrize("name", NAMES)
def test_the_server_fills_in_no_default_but_replicas(name: str) -> None:
    """A default in the schema shows as a difference to what is in Git."""
    assert set(faults(name, lambda n: "default" in n)) <= {".spec.replicas"}


@pytest.mark.parametrize("name", NAMES)
def test_every_rule_says_what_to_do_in_words(name: str) -> None:
    rules = [r for _, node in nodes(schema(name)) for r in node.get("x-kubernetes-validations", ())]
    assert rules
    assert [r for r in rules if len(r.get("message", "")) < 20 or "\n" in r["message"]] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_person_sees_readiness_reason_and_age_first(name: str) -> None:
    columns = version(name)["additionalPrinterColumns"]
    first = [c["name"] for c in columns if c["priority"] == 0]
    assert {"Ready", "Reason", "Age"} <= set(first)
    assert len(first) <= 7
    assert "status" in version(name)["subresources"]
