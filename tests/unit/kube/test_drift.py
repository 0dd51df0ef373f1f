"""Does the live object still hold what was applied?"""

import copy
from decimal import Decimal

import hypothesis.strategies as st
import pytest
from hypothesis import given

from perennial.kube.drift import APPLIED, applied_hash, contains, holds, same_quantity

DESIRED = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "d", "labels": {"a": "1"}},
    "spec": {
        "selector": {"matchLabels": {"a": "1"}},
        "template": {
            "spec": {
                "automountServiceAccountToken": False,
                "containers": [
                    {
                        "name": "server",
                        "image": "i:1",
                        "args": ["--a", "--b"],
                        "env": [{"name": "X", "value": ""}, {"name": "Y", "value": "1000m"}],
                        "ports": [{"containerPort": 8080, "name": "http"}],
                        "resources": {"requests": {"cpu": "1000m", "memory": "1024Mi"}},
                    }
                ],
                "volumes": [{"name": "scratch", "emptyDir": {"sizeLimit": "0.5Gi"}}],
            }
        },
    },
}


def live() -> dict:
    """The same as an API server hands it back: normalised, with defaults, beside a sidecar that somebody injects."""
    body = copy.deepcopy(DESIRED)
    body["metadata"] |= {"uid": "u", "resourceVersion": "7", "annotations": {APPLIED: applied_hash(DESIRED)}}
    pod = body["spec"]["template"]["spec"]
    del pod["automountServiceAccountToken"]
    pod |= {"dnsPolicy": "ClusterFirst", "volumes": [{"name": "scratch", "emptyDir": {"sizeLimit": "512Mi"}}]}
    server = pod["containers"][0]
    server["resources"]["requests"] = {"cpu": "1", "memory": "1Gi"}
    server["ports"][0]["protocol"] = "TCP"
    del server["env"][0]["value"]
    pod["containers"].insert(0, {"name": "sidecar", "image": "other"})
    return body


def test_defaults_normalised_quantities_and_injected_sidecars_are_no_difference() -> None:
    assert holds(DESIRED, live())


def test_another_manifest_is_a_difference_though_every_field_of_it_is_there() -> None:
    fewer = copy.deepcopy(DESIRED)
    del fewer["spec"]["template"]["spec"]["volumes"]
    assert contains(fewer, live())
    assert not holds(fewer, live())


@pytest.mark.parametrize(
    "edit",
    [
        lambda pod: pod["containers"][1].update(image="i:2"),
        lambda pod: pod["containers"][1].update(args=["--b", "--a"]),
        lambda pod: pod["containers"][1].update(args=["--a", "--b", "--c"]),
        lambda pod: pod["containers"].pop(1),
        lambda pod: pod["containers"][1]["env"][1].update(value="1"),
        lambda pod: pod["containers"][1]["resources"]["requests"].update(cpu="2"),
        lambda pod: pod["containers"][1]["resources"].pop("requests"),
        lambda pod: pod["containers"][1]["ports"][0].update(containerPort=9090),
        lambda pod: pod["volumes"].clear(),
        lambda pod: pod.update(automountServiceAccountToken=True),
    ],
)
def test_an_edit_by_hand_is_a_difference(edit) -> None:
    body = live()
    edit(body["spec"]["template"]["spec"])
    assert not holds(DESIRED, body)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1000m", "1"),
        ("0.5", "500m"),
        ("1024Mi", "1Gi"),
        ("1e3", "1k"),
        (2, "2"),
        ("1.5Gi", "1536Mi"),
        ("100n", "0.1u"),
    ],
)
def test_the_same_amount_written_differently_is_the_same(one, other) -> None:
    assert same_quantity(one, other)
    assert same_quantity(other, one)


@pytest.mark.parametrize(("one", "other"), [("1", "2"), ("1G", "1Gi"), ("1", "x"), ("", "0"), ("1m", "1M")])
def test_different_amounts_differ(one, other) -> None:
    assert not same_quantity(one, other)


@given(st.integers(1, 10**9), st.sampled_from(["", "k", "M", "Ki", "Mi"]))
def test_thousandths_are_the_same_amount(number: int, suffix: str) -> None:
    size = {"": 1, "k": 10**3, "M": 10**6, "Ki": 2**10, "Mi": 2**20}[suffix]
    assert same_quantity(f"{number}{suffix}", f"{number * size * 1000}m")
    assert not same_quantity(f"{number}{suffix}", str(Decimal(number * size + 1)))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)


@given(json_values, st.dictionaries(st.text(max_size=4), json_values, max_size=3))
def test_whatever_was_applied_contains_itself_and_additions_do_not_matter(value, additions) -> None:
    assert contains(value, value)
    if isinstance(value, dict):
        assert contains(value, {**additions, **value})
