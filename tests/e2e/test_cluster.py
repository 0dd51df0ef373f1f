"""What the operator and its tests stand on: pods, services, names, limits and isolation on the real local node."""

from __future__ import annotations

import http.client
import json
import subprocess
import time
import urllib.request
from collections.abc import Callable

import pytest

from tests.support.node import RunningNode
from tests.support.pods import finished, logs, python_pod

pytestmark = pytest.mark.node

_SERVE = """
import http.server, os
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(os.environ["HOSTNAME"].encode())
http.server.ThreadingHTTPServer(("", 8080), Answer).serve_forever()
"""


def _eventually(answer: Callable[[], str], wanted: str, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            got = answer()
        except (OSError, http.client.HTTPException) as error:
            got = repr(error)
        if got == wanted or time.monotonic() > end:
            assert got == wanted
            return
        time.sleep(0.2)


@pytest.fixture
def web(node: RunningNode, node_namespace: str, python_image: str) -> str:
    """A pod that answers its own name, behind Service `web`, ready."""
    pod = python_pod(
        "web", python_image, _SERVE, readinessProbe={"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1}
    )
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]},
    }
    for manifest in (pod, service):
        node.kubectl("-n", node_namespace, "apply", "-f", "-", input=json.dumps(manifest))
    node.kubectl("-n", node_namespace, "wait", "pod/web", "--for=condition=Ready", "--timeout=120s", timeout=130)
    return node_namespace


def test_a_pod_runs_under_the_restricted_level_and_its_exit_code_is_seen(
    node: RunningNode, node_namespace: str, python_image: str
) -> None:
    pod = python_pod("fails", python_image, "import os; print(os.getuid()); raise SystemExit(3)")
    assert finished(node, node_namespace, pod)["exitCode"] == 3
    assert logs(node, node_namespace, "fails") == "65532"


def test_a_pod_beyond_its_memory_limit_is_killed_for_that_reason(
    node: RunningNode, node_namespace: str, python_image: str
) -> None:
    limit = {"limits": {"memory": "48Mi"}}
    pod = python_pod("eats", python_image, "x = [bytearray(8 << 20) for _ in range(100)]", resources=limit)
    assert finished(node, node_namespace, pod)["reason"] == "OOMKilled"


def test_a_privileged_pod_is_refused(node: RunningNode, node_namespace: str, python_image: str) -> None:
    pod = python_pod("privileged", python_image, "pass", securityContext={"privileged": True})
    refused = node.kubectl("-n", node_namespace, "apply", "-f", "-", input=json.dumps(pod), check=False)
    assert refused.returncode != 0
    assert "violates PodSecurity" in refused.stderr


def test_a_pod_reaches_a_service_by_its_name(node: RunningNode, web: str, python_image: str) -> None:
    code = "import urllib.request as u; print(u.urlopen('http://web/', timeout=5).read().decode())"
    assert finished(node, web, python_pod("client", python_image, code))["exitCode"] == 0
    assert logs(node, web, "client") == "web"


def test_a_pod_has_no_way_out(node: RunningNode, node_namespace: str, python_image: str) -> None:
    # An address reserved for documentation: nothing answers there, and nothing is sent without a route.
    code = (
        "import errno, socket\n"
        "try: socket.create_connection(('192.0.2.1', 80), 5)\n"
        "except OSError as error: print(errno.errorcode[error.errno])\n"
    )
    assert finished(node, node_namespace, python_pod("client", python_image, code))["exitCode"] == 0
    assert logs(node, node_namespace, "client") == "ENETUNREACH"


def test_the_host_reaches_a_service_through_a_forwarder_also_after_it_was_made_anew(
    node: RunningNode, web: str
) -> None:
    url = node.url(web, "web", 80)

    def answer() -> str:
        with urllib.request.urlopen(url, timeout=5) as response:
            return str(response.read().decode())

    _eventually(answer, "web")
    service = node.kubectl("-n", web, "get", "service", "web", "-o", "json").stdout
    fresh = json.loads(service)
    old_ip = fresh["spec"].pop("clusterIP")
    fresh["spec"].pop("clusterIPs")
    fresh["metadata"] = {"name": "web", "namespace": web}
    node.kubectl("-n", web, "delete", "service", "web")
    node.kubectl("apply", "-f", "-", input=json.dumps(fresh))
    new_ip = node.kubectl("-n", web, "get", "service", "web", "-o", "jsonpath={.spec.clusterIP}").stdout
    assert new_ip != old_ip
    _eventually(answer, "web")


def test_a_forwarder_asked_for_twice_is_the_same_one(node: RunningNode, web: str) -> None:
    assert node.url(web, "web", 80) == node.url(web, "web", 80)


def test_up_on_a_running_node_changes_no_process(node: RunningNode) -> None:
    processes = node.node.processes
    before = {name: processes.live(name) for name in processes.names()}
    node.node.up()
    assert {name: processes.live(name) for name in processes.names()} == before


def test_up_mends_a_node_whose_kubelet_was_killed(node: RunningNode) -> None:
    kubelet = node.node.processes.live("kubelet")
    assert kubelet is not None
    subprocess.run(["kill", "-KILL", str(kubelet)], check=True)
    _eventually(lambda: str(node.node.is_up()), "False")
    node.node.up()
    assert node.node.is_up()
    assert node.node.processes.live("kubelet") != kubelet
