"""Other people's controllers and CRDs, as published in the Go modules that hack/cluster-modules pins.

The JobSet controller runs as a process beside a throwaway control plane, with its webhooks; of KubeRay and Kubeflow
Trainer only the CRDs are installed.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest
import yaml

from hack.localnode import binaries, certs, host, network
from hack.localnode.catalogue import MODULES
from hack.localnode.certs import SERVER, Leaf
from hack.localnode.failure import Failure
from hack.localnode.processes import Processes
from tests.support.apiserver import ApiServer
from tests.support.kubectl import Kubectl

CRDS = {
    "JobSet": ("jobset", "sigs.k8s.io/jobset", "config/components/crd/bases/jobset.x-k8s.io_jobsets.yaml"),
    "RayJob": ("kuberay", "github.com/ray-project/kuberay/ray-operator", "config/crd/bases/ray.io_rayjobs.yaml"),
    "TrainJob": (
        "trainer", "github.com/kubeflow/trainer/v2", "manifests/base/crds/trainer.kubeflow.org_trainjobs.yaml",
    ),
}  # fmt: skip
"""By kind: folder of the pin, module, file of the CRD in it."""


@cache
def module(folder: str, name: str) -> Path:
    """Where a pinned module lies in Go's cache; skips the test when it cannot be had."""
    try:
        go = host.go_command()
    except Failure as failure:
        pytest.skip(f"no {name}: {failure}")
    command = [go, "mod", "download", "-json", name]
    env = {**os.environ, "GOFLAGS": "-mod=readonly"}
    run = subprocess.run(command, cwd=MODULES / folder, env=env, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        pytest.skip(f"no {name}: {' '.join(command)} in {MODULES / folder}: {run.stdout or run.stderr}")
    return Path(json.loads(run.stdout)["Dir"])


def crd(kind: str) -> Path:
    """The published CRD of a kind."""
    folder, name, file = CRDS[kind]
    return module(folder, name) / file


def install(kubectl: Kubectl, *kinds: str) -> list[str]:
    """The API server serves these kinds; the arguments of kubectl that name their files."""
    files = [part for kind in kinds for part in ("-f", str(crd(kind)))]
    kubectl("apply", "--server-side", *files)
    # `kubectl wait` fails at once on an object that has no conditions at all yet.
    kubectl("wait", "--for=jsonpath={.status.acceptedNames.kind}", *files, "--timeout=60s")
    kubectl("wait", "--for=condition=Established", *files, "--timeout=60s")
    return files


@contextmanager
def installed(kubectl: Kubectl, *kinds: str) -> Iterator[None]:
    """The API server serves these kinds within the block. Not for kinds with a controller: it may be gone by then."""
    files = install(kubectl, *kinds)
    try:
        yield
    finally:
        kubectl("delete", "--wait=true", *files)


@contextmanager
def jobset_controller(server: ApiServer, folder: Path) -> Iterator[None]:
    """The real JobSet controller with its webhooks, against `server`, whose CRD must be installed."""
    if binaries.missing(("jobset",)):
        pytest.skip("no JobSet controller: run `hack/cluster build jobset` once (a few minutes)")
    place = folder / "jobset"
    place.mkdir()
    binaries.provide(("jobset",), place)
    webhook, health = network.free_ports(2)
    certs.issue(place, (Leaf("tls", "jobset", usage=SERVER, sans=("IP:127.0.0.1",)),))
    config = place / "config.yaml"
    config.write_text(yaml.safe_dump(_config(place, webhook, health)))
    hooks = place / "hooks.yaml"
    hooks.write_text(yaml.safe_dump_all(_webhooks(place, webhook)))
    processes = Processes(place / "run", place / "logs")
    try:
        env = {"KUBECONFIG": str(server.kubeconfig)}
        processes.ensure("jobset", [str(place / "jobset"), f"--config={config}"], env)
        processes.wait("the JobSet controller listens", lambda: not network.is_free(webhook), 60)
        server.kubectl("apply", "-f", str(hooks))
        yield
    finally:
        server.kubectl("delete", "--ignore-not-found", "-f", str(hooks))
        processes.stop("jobset")


def _config(place: Path, webhook: int, health: int) -> dict[str, object]:
    return {
        "apiVersion": "config.jobset.x-k8s.io/v1alpha1",
        "kind": "Configuration",
        "leaderElection": {"leaderElect": False},
        "internalCertManagement": {"enable": False},
        "webhook": {"port": webhook, "host": "127.0.0.1", "certDir": str(place)},
        "metrics": {"bindAddress": "0"},
        "health": {"healthProbeBindAddress": f"127.0.0.1:{health}"},
    }


def _webhooks(place: Path, port: int) -> list[dict[str, object]]:
    """The published configurations, called at 127.0.0.1 instead of through a Service."""
    folder, name, _ = CRDS["JobSet"]
    published = module(folder, name) / "config/components/webhook/manifests.yaml"
    authority = base64.b64encode((place / "ca.crt").read_bytes()).decode()
    found = [body for body in yaml.safe_load_all(published.read_text()) if body]
    for body in found:
        body["metadata"]["name"] = f"jobset-{body['metadata']['name']}"
        for hook in body["webhooks"]:
            path = hook["clientConfig"]["service"]["path"]
            hook["clientConfig"] = {"url": f"https://127.0.0.1:{port}{path}", "caBundle": authority}
    return found
