"""What happens to servers in daily life, under a steady stream of requests that are all counted: none may be lost."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from hack.demo.data import requests_of
from hack.demo.traffic import Traffic
from tests.support.loop import MODEL, NAMESPACE, Loop

pytestmark = [pytest.mark.node, pytest.mark.timeout(900)]

SYSTEM = "perennial-system"
OPERATOR = "app.kubernetes.io/component=operator"
Told = Callable[[str, object], None]


@contextmanager
def asked(loop: Loop, told: Told) -> Iterator[Traffic]:
    """Requests before, while and after something happens; their number by version is recorded with the test."""
    traffic = Traffic(loop.node.url(NAMESPACE, MODEL, 80), MODEL, requests_of(2))
    traffic.start()
    try:
        more_answers(loop, traffic)
        yield traffic
        more_answers(loop, traffic)
    finally:
        traffic.stop()
    told("answered", dict(traffic.answers))
    told("failed", len(traffic.failures))
    assert traffic.failures == []


def more_answers(loop: Loop, traffic: Traffic, count: int = 60) -> None:
    """Wait for so many more of them."""
    enough = traffic.answers.total() + count
    loop.until(f"{count} more requests are answered", lambda: traffic.answers.total() >= enough)


def ready_pods(loop: Loop, *selector: str) -> list[str]:
    """Names of pods that are Ready and not leaving."""
    items = json.loads(loop.kubectl("get", "pods", *selector, "-o", "json"))["items"]
    return [p["metadata"]["name"] for p in items if "deletionTimestamp" not in p["metadata"] and _is_ready(p)]


def _is_ready(pod: dict[str, Any]) -> bool:
    conditions = pod["status"].get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def servers(loop: Loop) -> list[str]:
    """Ready pods of the stable revision."""
    chosen = loop.get("mdp", MODEL)["status"]["selector"]
    return ready_pods(loop, "-n", NAMESPACE, "-l", chosen)


def stable(loop: Loop) -> int:
    """The version that serves, 0 while another is on its way."""
    status = loop.get("mdp", MODEL)["status"]
    return 0 if status.get("candidate") else int(status["stable"]["version"])


def pin(loop: Loop, version: int | None) -> None:
    """Ask for this version, or follow the approved one again."""
    loop.kubectl(
        "patch",
        "mdp",
        MODEL,
        "-n",
        NAMESPACE,
        "--type=merge",
        "-p",
        json.dumps({"spec": {"model": {"version": version}}}),
    )


def replaced(loop: Loop, gone: str) -> bool:
    """As many servers as before, without this one."""
    there = servers(loop)
    return gone not in there and len(there) == 2


def test_a_server_pod_is_deleted(loop: Loop, record_property: Told) -> None:
    victim = loop.until("two servers are ready", lambda: len(servers(loop)) == 2 and servers(loop))[0]
    with asked(loop, record_property):
        loop.kubectl("delete", "pod", victim, "-n", NAMESPACE)
        loop.until("it is replaced", lambda: replaced(loop, victim))


def test_a_server_pod_is_evicted(loop: Loop, record_property: Told) -> None:
    victim = loop.until("two servers are ready", lambda: len(servers(loop)) == 2 and servers(loop))[0]
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": victim, "namespace": NAMESPACE}}
    with asked(loop, record_property):
        path = f"/api/v1/namespaces/{NAMESPACE}/pods/{victim}/eviction"
        loop.kubectl("create", "--raw", path, "-f", "-", given=json.dumps(eviction))
        loop.until("it is replaced", lambda: replaced(loop, victim))


def test_the_operator_is_restarted(loop: Loop, record_property: Told) -> None:
    (old,) = ready_pods(loop, "-n", SYSTEM, "-l", OPERATOR)
    with asked(loop, record_property):
        loop.kubectl("delete", "pod", old, "-n", SYSTEM)
        loop.until(
            "another one is ready", lambda: [p for p in ready_pods(loop, "-n", SYSTEM, "-l", OPERATOR) if p != old]
        )


def test_a_promotion_is_undone_and_its_repetition_is_rolled_back_half_way(loop: Loop, record_property: Told) -> None:
    user = loop.kubectl("auth", "whoami", "-o", "jsonpath={.status.userInfo.username}")
    with asked(loop, record_property) as traffic:
        pin(loop, 1)
        loop.until("version 1 serves again", lambda: stable(loop) == 1, 400)
        pin(loop, None)
        answered = traffic.answers["2"]
        loop.until("version 2 answers its share", lambda: traffic.answers["2"] >= answered + 5, 300)
        loop.kubectl("annotate", "mdp", MODEL, "-n", NAMESPACE, f"perennial.dev/rollback=2 {user} seen enough")
        loop.until("version 2 is out", lambda: stable(loop) == 1)
    history = [(h["version"], h["result"]) for h in loop.get("mdp", MODEL)["status"]["history"]]
    assert history[-2:] == [(1, "Promoted"), (2, "RolledBack")]
