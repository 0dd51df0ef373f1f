"""Many objects, no trouble: each gets what it needs once, and then nothing is written."""

import json
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.integration.controller.conftest import Plane, Starter, training, wait_for
from tests.integration.controller.proxy import Proxy

pytestmark = pytest.mark.apiserver

OBJECTS = 500


def writes_of(proxy: Proxy) -> Counter[str]:
    """Writes by what they were about."""
    found: Counter[str] = Counter()
    for (method, path), count in proxy.writes().items():
        parts = path.split("/")
        what = "status" if path.endswith("/status") else parts[parts.index("namespaces") + 2]
        found[f"{method} {what}"] += count
    return found


def create_all(plane: Plane, namespace: str, names: list[str]) -> None:
    """As several users at a time."""
    chunks = [names[i::5] for i in range(5)]
    with ThreadPoolExecutor(5) as users:
        list(users.map(lambda chunk: plane.apply(*(training(n, namespace) for n in chunk), verb="create"), chunks))


def children(plane: Plane, namespace: str) -> dict[str, str]:
    """resourceVersions of the children by name."""
    items = plane.json("get", "configmap", "-n", namespace, "-l", "app.kubernetes.io/managed-by=perennial")["items"]
    return {i["metadata"]["name"]: i["metadata"]["resourceVersion"] for i in items}


def trainings(plane: Plane, namespace: str) -> dict[str, tuple[str, bool]]:
    """resourceVersion by name, and whether the status says that the child was made."""
    items = plane.json("get", "modeltrainings", "-n", namespace)["items"]
    reasons = {i["metadata"]["name"]: [c["reason"] for c in i.get("status", {}).get("conditions", ())] for i in items}
    return {
        i["metadata"]["name"]: (i["metadata"]["resourceVersion"], "Made" in reasons[i["metadata"]["name"]])
        for i in items
    }


def test_each_of_many_objects_costs_exactly_one_apply_and_one_status_and_idling_costs_nothing(
    plane: Plane, proxy: Proxy, namespace: str, operator: Starter
) -> None:
    names = [f"t{i:04}" for i in range(OBJECTS)]
    first = operator(namespace, through=proxy)
    wait_for("the operator is ready", first.ready)

    create_all(plane, namespace, names)
    wait_for("every child", lambda: len(children(plane, namespace)) == OBJECTS, 60)
    wait_for("every status", lambda: all(done for _, done in trainings(plane, namespace).values()), 60)
    assert writes_of(proxy) == {"PATCH configmaps": OBJECTS, "PATCH status": OBJECTS}
    assert first.metric("perennial_reconcile_total", kind="ModelTraining", result="error") == 0
    assert first.metric("perennial_reconcile_total", kind="ModelTraining") < 2 * OBJECTS

    before = children(plane, namespace), trainings(plane, namespace)
    assert first.stop() == 0, first.log.read_text()[-2000:]
    second = operator(namespace, through=proxy)
    wait_for("the next operator is ready", second.ready)
    wait_for("it has looked at all", lambda: second.metric("perennial_reconcile_total", result="success") >= OBJECTS)
    assert (children(plane, namespace), trainings(plane, namespace)) == before
    assert writes_of(proxy) == {"PATCH configmaps": OBJECTS, "PATCH status": OBJECTS}


def test_an_edit_by_hand_of_a_child_or_a_status_is_mended(plane: Plane, namespace: str, operator: Starter) -> None:
    plane.apply(training("one", namespace))
    running = operator(namespace)
    wait_for("the child", lambda: "one-made" in children(plane, namespace))

    plane.kubectl("patch", "configmap", "one-made", "-n", namespace, "--type=merge", "-p", '{"data":{"target":"x"}}')
    target = ("get", "configmap", "one-made", "-n", namespace)
    wait_for("the child is mended", lambda: plane.json(*target)["data"]["target"] == "late")

    status = ("patch", "modeltraining", "one", "-n", namespace, "--subresource=status", "--type=merge")
    plane.kubectl(*status, "-p", '{"status":{"conditions":null}}')
    wait_for("the status is mended", lambda: trainings(plane, namespace)["one"][1])

    plane.kubectl("delete", "configmap", "one-made", "-n", namespace)
    wait_for("the child is back", lambda: "one-made" in children(plane, namespace))
    assert running.metric("perennial_reconcile_total", result="error") == 0


def test_an_edit_of_the_spec_reaches_the_child(plane: Plane, namespace: str, operator: Starter) -> None:
    operator(namespace)
    plane.apply(training("one", namespace))
    wait_for("the child", lambda: "one-made" in children(plane, namespace))
    plane.apply(training("one", namespace, target="very_late"))
    target = ("get", "configmap", "one-made", "-n", namespace)
    wait_for("the child follows", lambda: plane.json(*target)["data"]["target"] == "very_late")


def test_a_poisonous_object_waits_for_itself_alone(plane: Plane, namespace: str, operator: Starter) -> None:
    running = operator(namespace)
    wait_for("ready", running.ready)
    plane.apply(training("poison", namespace))
    wait_for("it failed", lambda: running.metric("perennial_reconcile_retries_total", reason="RuntimeError") >= 3)
    plane.apply(*(training(f"good-{i}", namespace) for i in range(20)))
    wait_for("the others are served", lambda: len(children(plane, namespace)) == 20, 10)
    assert running.metric("perennial_reconcile_retries_total", reason="RuntimeError") < 12
    lines = [json.loads(line) for line in running.log.read_text().splitlines()]
    failed = [line for line in lines if line.get("object") == f"ModelTraining {namespace}/poison"]
    assert failed
    assert failed[0]["generation"] == 1
    assert "this object is poison" in failed[0]["error"]


def test_a_child_of_a_deleted_object_of_the_same_name_is_not_adopted(
    plane: Plane, namespace: str, operator: Starter
) -> None:
    running = operator(namespace)
    plane.apply(training("one", namespace))
    wait_for("the child", lambda: "one-made" in children(plane, namespace))
    # Nothing collects garbage here, so the child of the first one stays.
    plane.kubectl("delete", "modeltraining", "one", "-n", namespace)
    plane.apply(training("one", namespace))
    wait_for("refused", lambda: running.metric("perennial_reconcile_retries_total", reason="NotOwned") >= 1)
    first = plane.json("get", "configmap", "one-made", "-n", namespace)
    plane.kubectl("delete", "configmap", "one-made", "-n", namespace)
    wait_for("its own child", lambda: "one-made" in children(plane, namespace))
    second = plane.json("get", "configmap", "one-made", "-n", namespace)
    owners = [body["metadata"]["ownerReferences"][0]["uid"] for body in (first, second)]
    assert owners[0] != owners[1]


def test_a_stopped_operator_ends_with_success_and_gives_its_lease_back(
    plane: Plane, namespace: str, operator: Starter
) -> None:
    running = operator(namespace)
    wait_for("ready", lambda: running.ready() and plane.kubectl("get", "lease", "-n", namespace, "-o", "name"))
    running.signal(signal.SIGTERM)
    assert running.process.wait(15) == 0
    lease = plane.json("get", "lease", "perennial-operator", "-n", namespace)
    assert lease["spec"].get("holderIdentity", "") == ""
