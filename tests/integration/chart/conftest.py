"""The chart, installed by the real helm on a real API server with controllers; no kubelet, so no pod ever runs."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.support.apiserver import ApiServer
from tests.support.helm import CHART, NAMESPACE, helm
from tests.support.kubectl import Kubectl

RELEASE = "perennial"
TENANT = "demo"
VALUES: dict[str, Any] = {"s3": {"enabled": True}, "storage": {"tenants": [TENANT]}}


@dataclass
class Release:
    """The installed chart and an administrator's way to its cluster."""

    server: ApiServer
    values: dict[str, Any] = field(default_factory=lambda: dict(VALUES))

    @property
    def kubectl(self) -> Kubectl:
        """As administrator; with `--as NAME` as somebody else."""
        return self.server.kubectl

    def helm(self, verb: str, *args: str, values: Mapping[str, Any] | None = None) -> str:
        """Run helm on the release; what it printed."""
        where = ["--namespace", NAMESPACE, "--kubeconfig", str(self.server.kubeconfig)]
        run = helm(verb, RELEASE, *args, *where, values=values)
        assert run.returncode == 0, f"helm {verb}: {run.stderr}"
        return run.stdout

    def install(self) -> str:
        """Make it, with CRDs that are served before the call ends."""
        told = self.helm("install", str(CHART), "--create-namespace", values=self.values)
        self.kubectl("wait", "crd", "--all", "--for=condition=Established", "--timeout=60s")
        return told

    def get(self, *args: str) -> Any:
        """What `kubectl get` prints as JSON."""
        return json.loads(self.kubectl("get", *args, "-o", "json").stdout)

    def apply(self, *bodies: Mapping[str, Any]) -> None:
        """Create or change objects as a user would."""
        self.kubectl("apply", "-f", "-", input=json.dumps({"apiVersion": "v1", "kind": "List", "items": list(bodies)}))


@pytest.fixture(scope="package")
def release(apiserver_with_controllers: ApiServer) -> Iterator[Release]:
    """The chart with its embedded store and one tenant; what it put into the cluster goes with these tests."""
    release = Release(apiserver_with_controllers)
    release.kubectl("create", "namespace", TENANT)
    release.install()
    yield release
    release.helm("uninstall")
    release.kubectl("delete", "crd", "-l", "app.kubernetes.io/part-of=perennial", "--ignore-not-found", timeout=120)
    release.kubectl("delete", "namespace", TENANT, NAMESPACE, "--wait=false")
