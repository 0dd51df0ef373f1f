"""Fixtures with a real Kubernetes API server (etcd and kube-apiserver on free ports of 127.0.0.1), one for the session.

Not for pods: nothing runs them here; see node.py.
"""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from hack.localnode import throwaway


@dataclass(frozen=True)
class ApiServer:
    """A running API server and an administrator's way to it."""

    url: str
    kubeconfig: Path
    kubectl_path: Path

    def kubectl(
        self, *args: str, input: str | None = None, check: bool = True, timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl as administrator.

        Raises AssertionError with kubectl's own words if it fails and `check` is on.
        """
        run = subprocess.run(
            [str(self.kubectl_path), *args],
            input=input,
            env={**os.environ, "KUBECONFIG": str(self.kubeconfig)},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert not check or run.returncode == 0, f"kubectl {' '.join(args)}: {run.stderr or run.stdout}"
        return run


@contextmanager
def _started(*, controllers: bool) -> Iterator[ApiServer]:
    reason = throwaway.why_not(controllers)
    if reason is not None:
        pytest.skip(f"no API server: {reason}")
    with throwaway.control_plane(controllers) as plane:
        yield ApiServer(plane.url, plane.place.kubeconfig, plane.place.bin / "kubectl")


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
