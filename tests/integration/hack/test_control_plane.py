"""The control plane that integration tests stand on, on the real programs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hack.localnode import throwaway
from hack.localnode.failure import Failure
from hack.localnode.place import CHECKOUT, Place
from hack.localnode.processes import Processes, marked
from tests.support.apiserver import ApiServer

pytestmark = pytest.mark.apiserver


def test_an_object_written_is_read_back(apiserver: ApiServer, namespace: str) -> None:
    apiserver.kubectl("-n", namespace, "create", "configmap", "a", "--from-literal=x=1")
    read = apiserver.kubectl("-n", namespace, "get", "configmap", "a", "-o", "json")
    assert json.loads(read.stdout)["data"] == {"x": "1"}


def test_validating_admission_policies_are_served(apiserver: ApiServer) -> None:
    served = apiserver.kubectl("api-resources", "--api-group=admissionregistration.k8s.io", "-o", "name").stdout
    assert "validatingadmissionpolicies.admissionregistration.k8s.io" in served.split()


def test_without_controllers_nobody_makes_service_accounts(apiserver: ApiServer, namespace: str) -> None:
    assert apiserver.kubectl("-n", namespace, "get", "serviceaccounts", "-o", "name").stdout == ""


def test_with_controllers_a_deleted_namespace_goes_away(apiserver_with_controllers: ApiServer) -> None:
    kubectl = apiserver_with_controllers.kubectl
    kubectl("create", "namespace", "short-lived")
    kubectl("delete", "namespace", "short-lived", "--timeout=30s")
    assert kubectl("get", "namespace", "short-lived", check=False).returncode != 0


def test_two_control_planes_run_beside_each_other(apiserver: ApiServer) -> None:
    with throwaway.control_plane() as other:
        assert other.url != apiserver.url
        assert other.answers("/readyz")


def test_a_control_plane_whose_owner_was_killed_is_swept_by_the_next(apiserver: ApiServer) -> None:
    script = (
        "from hack.localnode import throwaway\n"
        "with throwaway.control_plane() as plane:\n"
        "    print(plane.place.name, flush=True)\n"
        "    input()\n"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
    )
    assert owner.stdin is not None
    assert owner.stdout is not None
    place = Place(owner.stdout.readline().decode().strip())
    owner.send_signal(signal.SIGKILL)
    owner.communicate()
    assert len(marked(place.run)) == 2
    throwaway.sweep()
    assert marked(place.run) == []
    assert not place.state.exists()


def test_a_program_that_dies_is_named_with_the_end_of_its_log(tmp_path: Path) -> None:
    processes = Processes(tmp_path / "run", tmp_path / "log")
    processes.ensure("broken", ["sh", "-c", "echo out of luck; exit 3"])
    began = time.monotonic()
    with pytest.raises(Failure, match=r"broken died .*\n.*out of luck"):
        processes.wait("nothing", lambda: False, 20)
    assert time.monotonic() - began < 5
    processes.stop("broken")
