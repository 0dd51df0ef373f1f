"""The CRDs of the Gateway API as published, in the version that hack/cluster-modules/gateway-api pins.

They come with the Go module, which Go checks against go.sum and keeps in its module cache. No controller is run.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from hack.localnode import host
from hack.localnode.catalogue import MODULES
from hack.localnode.failure import Failure
from tests.support.kubectl import Kubectl

MODULE = "sigs.k8s.io/gateway-api"
KINDS = ("gateways", "httproutes")


@cache
def crds() -> tuple[Path, ...]:
    """The files of the standard channel; skips the test when they cannot be had."""
    try:
        go = host.go_command()
    except Failure as failure:
        pytest.skip(f"no Gateway API: {failure}")
    command = [go, "mod", "download", "-json", MODULE]
    folder = MODULES / "gateway-api"
    run = subprocess.run(
        command, cwd=folder, env={**os.environ, "GOFLAGS": "-mod=readonly"}, capture_output=True, text=True, check=False
    )
    if run.returncode != 0:
        pytest.skip(f"no Gateway API: {' '.join(command)} in {folder}: {run.stdout or run.stderr}")
    standard = Path(json.loads(run.stdout)["Dir"]) / "config" / "crd" / "standard"
    return tuple(standard / f"gateway.networking.k8s.io_{kind}.yaml" for kind in KINDS)


@contextmanager
def installed(kubectl: Kubectl) -> Iterator[None]:
    """The API server serves HTTPRoute and Gateway within the block."""
    files = [part for path in crds() for part in ("-f", str(path))]
    kubectl("apply", "--server-side", *files)
    try:
        kubectl("wait", "--for=condition=Established", *files, "--timeout=60s")
        yield
    finally:
        kubectl("delete", "--wait=true", *files)
