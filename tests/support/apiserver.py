"""Fixtures with a real Kubernetes API server (etcd and kube-apiserver on free ports of 127.0.0.1), one for the session.

Not for pods: nothing runs them here; see node.py.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from hack.localnode import throwaway
from tests.support.kubectl import Kubectl


@dataclass(frozen=True)
class ApiServer:
    """A running API server and an administrator's way to it."""

    url: str
    kubeconfig: Path
    kubectl: Kubectl


@contextmanager
def _started(*, controllers: bool) -> Iterator[ApiServer]:
    reason = throwaway.why_not(controllers)
    if reason is not None:
        pytest.skip(f"no API server: {reason}")
    with throwaway.control_plane(controllers) as plane:
        kubeconfig = plane.place.kubeconfig
        yield ApiServer(plane.url, kubeconfig, Kubectl(plane.place.bin / "kubectl", kubeconfig))


@pytest.fixture(scope="session")
def apiserver() -> Iterator[ApiServer]:
    """etcd and API server only: no controller touches what a test writes, and no namespace ever finishes deleting."""
    with _started(controllers=False) as started:
        yield started


@pytest.fixture(scope="session")
def apiserver_with_controllers() -> Iterator[ApiServer]:
    """Also the controller manager (garbage collection, Jobs, Deployments) and the scheduler; a server of its own."""
    with _started(controllers=True) as started:
        yield started


@pytest.fixture
def namespace(apiserver: ApiServer) -> str:
    """A fresh namespace for one test on `apiserver`."""
    name = f"test-{secrets.token_hex(4)}"
    apiserver.kubectl("create", "namespace", name)
    return name
