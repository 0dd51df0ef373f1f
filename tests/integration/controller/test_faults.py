"""The promises kept under fault: an API server away, refusing, silent, forgetful; an operator paused or killed."""

import signal
import time

import pytest

from perennial.kube.resources import CHILDREN, OWN
from tests.integration.controller.conftest import Plane, Starter, training, wait_for
from tests.integration.controller.proxy import Proxy, no_fault
from tests.integration.controller.test_straight_path import children, trainings, writes_of

pytestmark = pytest.mark.apiserver


def served(plane: Plane, namespace: str, *names: str) -> bool:
    """Whether all of these have a child and a status."""
    return set(children(plane, namespace)) >= {f"{n}-made" for n in names} and all(
        trainings(plane, namespace)[n][1] for n in names
    )


def test_a_killed_api_server_is_waited_for_and_what_changed_meanwhile_is_found(
    plane: Plane, namespace: str, operator: Starter
) -> None:
    running = operator(namespace, LEASE_SCALE="10")
    plane.apply(training("before", namespace))
    wait_for("the first is served", lambda: served(plane, namespace, "before"))

    plane.signal(signal.SIGKILL)
    time.sleep(3)
    assert running.get("/healthz")[0] == 200
    plane.control.up()
    plane.apply(training("after", namespace))
    plane.kubectl("delete", "configmap", "before-made", "-n", namespace)

    wait_for("both are served", lambda: served(plane, namespace, "before", "after"), 60)
    assert running.process.poll() is None


def test_a_silent_api_server_is_given_up_and_found_again(plane: Plane, namespace: str, operator: Starter) -> None:
    running = operator(namespace, LEASE_SCALE="10")
    plane.apply(training("before", namespace))
    wait_for("the first is served", lambda: served(plane, namespace, "before"))
    plane.signal(signal.SIGSTOP)
    try:
        time.sleep(5)
        assert running.get("/healthz")[0] == 200
    finally:
        plane.signal(signal.SIGCONT)
    plane.apply(training("after", namespace))
    wait_for("both are served", lambda: served(plane, namespace, "before", "after"), 60)


@pytest.mark.parametrize("code", [503, 429, 403, 0])
def test_refusals_of_every_request_end_nothing_and_it_converges_afterwards(
    plane: Plane, proxy: Proxy, namespace: str, operator: Starter, code: int
) -> None:
    running = operator(namespace, through=proxy, LEASE_SCALE="10")
    wait_for("ready", running.ready)
    plane.apply(training("before", namespace))
    wait_for("the first is served", lambda: served(plane, namespace, "before"))

    proxy.fault = lambda method, path: code
    proxy.cut_watches()
    plane.apply(training("after", namespace))
    time.sleep(4)
    assert running.get("/healthz")[0] == 200
    assert "after-made" not in children(plane, namespace)

    proxy.fault = no_fault
    wait_for("it converged", lambda: served(plane, namespace, "before", "after"), 60)
    assert writes_of(proxy)["PATCH configmaps"] >= 2
    assert running.process.poll() is None


def test_cut_watches_cost_no_write_and_lose_no_object(
    plane: Plane, proxy: Proxy, namespace: str, operator: Starter
) -> None:
    running = operator(namespace, through=proxy)
    wait_for("ready", running.ready)
    plane.apply(*(training(f"a{i}", namespace) for i in range(5)))
    wait_for("served", lambda: served(plane, namespace, *(f"a{i}" for i in range(5))))
    for round in range(3):
        assert proxy.cut_watches() > 0
        plane.apply(training(f"b{round}", namespace))
        wait_for("served", lambda round=round: served(plane, namespace, f"b{round}"))
    assert writes_of(proxy) == {"PATCH configmaps": 8, "PATCH status": 8}


def test_an_expired_watch_is_begun_anew_without_a_write(
    plane: Plane, proxy: Proxy, namespace: str, operator: Starter
) -> None:
    running = operator(namespace, through=proxy)
    wait_for("ready", running.ready)
    plane.apply(training("before", namespace))
    wait_for("served", lambda: served(plane, namespace, "before"))
    wait_for("every kind is watched", lambda: proxy.watches() >= len(OWN) + len(CHILDREN))
    gone = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Expired", "code": 410}
    proxy.say({"type": "ERROR", "object": gone})
    plane.apply(training("after", namespace))
    wait_for("served", lambda: served(plane, namespace, "before", "after"))
    assert writes_of(proxy) == {"PATCH configmaps": 2, "PATCH status": 2}


def test_a_watch_that_ends_with_another_error_ends_the_process_so_that_it_starts_afresh(
    plane: Plane, proxy: Proxy, namespace: str, operator: Starter
) -> None:
    running = operator(namespace, through=proxy)
    wait_for("every kind is watched", lambda: proxy.watches() >= len(OWN) + len(CHILDREN) and running.ready())
    error = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "InternalError", "code": 500}
    proxy.say({"type": "ERROR", "object": error}, plural="pods")
    assert running.process.wait(60) != 0
    last = running.log.read_text().splitlines()[-1]
    assert "no longer watched" in last
    assert f"Pod in {namespace}" in last


def test_a_paused_leader_ends_itself_and_the_standby_has_taken_over_without_a_second_write(
    plane: Plane, proxy: Proxy, namespace: str, operator: Starter
) -> None:
    old = operator(namespace, through=proxy, LEASE_SCALE="0.3")
    wait_for("the leader holds the Lease", lambda: plane.kubectl("get", "lease", "-n", namespace, "-o", "name"))
    standby = operator(namespace, through=proxy, LEASE_SCALE="0.3")
    plane.apply(training("before", namespace))
    wait_for("served", lambda: served(plane, namespace, "before"))
    wait_for("the standby is up", standby.ready)
    assert standby.metric("perennial_cached_objects") == 0

    old.signal(signal.SIGSTOP)
    plane.apply(training("meanwhile", namespace))
    wait_for("the standby serves", lambda: served(plane, namespace, "before", "meanwhile"), 40)
    plane.apply(training("meanwhile", namespace, target="changed"))
    old.signal(signal.SIGCONT)
    assert old.process.wait(10) == 1
    assert "is lost" in old.log.read_text()
    observed = ("get", "modeltraining", "meanwhile", "-n", namespace)
    wait_for("followed", lambda: plane.json(*observed)["status"]["observedGeneration"] == 2)
    assert writes_of(proxy) == {"PATCH configmaps": 3, "PATCH status": 3}


def test_without_the_crds_it_lives_says_so_and_begins_when_they_come(
    plane: Plane, namespace: str, operator: Starter
) -> None:
    plane.kubectl("delete", "crd", "retrainpolicies.perennial.dev")
    try:
        running = operator(namespace)
        wait_for("it says what is missing", lambda: "RetrainPolicy" in running.get("/readyz")[1])
        plane.apply(training("one", namespace))
        wait_for("the others are served", lambda: served(plane, namespace, "one"))
        assert running.get("/healthz")[0] == 200
    finally:
        plane.install_crds()
    wait_for("it is ready", running.ready)


def test_an_operator_killed_at_any_write_is_continued_by_the_next_without_a_second_one(
    plane: Plane, proxy: Proxy, namespace: str, operator: Starter
) -> None:
    names = [f"t{i}" for i in range(10)]
    plane.apply(*(training(n, namespace) for n in names))
    for _ in range(3):
        before = len(proxy.writes())
        running = operator(namespace, through=proxy, identity="same")
        wait_for("it wrote", lambda before=before: len(proxy.writes()) > before or served(plane, namespace, *names))
        running.signal(signal.SIGKILL)
        running.process.wait()
    last = operator(namespace, through=proxy, identity="same")
    wait_for("all are served", lambda: served(plane, namespace, *names))
    wait_for("ready", last.ready)
    assert all(count == 1 for count in proxy.writes().values())
