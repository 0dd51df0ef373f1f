"""The real helm on this checkout's chart: rendering and linting, without a cluster."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from hack.localnode import binaries, foreign

CHART = Path(__file__).parents[2] / "charts" / "perennial"
NAMESPACE = "perennial-system"
ROOT_KEY = "a-root-key-for-tests-of-32-bytes"
Manifest = dict[str, Any]


@cache
def program(name: str = "helm") -> str:
    """Path of helm or kubectl; skips the test when it is neither installed nor built yet, for a build takes minutes."""
    if shutil.which(name) is None and binaries.missing([name]):
        pytest.skip(f"no {name}: neither on PATH nor built yet; run `hack/cluster build` once")
    return foreign.tool(name)


def helm(*args: str, values: Mapping[str, Any] | None = None) -> subprocess.CompletedProcess[str]:
    """Run helm, with values as a file would give them."""
    given = ["--values", "-"] if values is not None else []
    command = [program(), *args, *given]
    return subprocess.run(
        command, input=json.dumps(values or {}), capture_output=True, text=True, timeout=120, check=False
    )


def template(values: Mapping[str, Any], *args: str) -> subprocess.CompletedProcess[str]:
    """`helm template` with the values."""
    return helm("template", "perennial", str(CHART), "--namespace", NAMESPACE, *args, values=values)


def rendered(values: Mapping[str, Any], *args: str) -> list[Manifest]:
    """Every object that an installation with the values would make."""
    run = template(values, *args)
    assert run.returncode == 0, run.stderr
    return [m for m in yaml.load_all(run.stdout, yaml.CSafeLoader) if m]


def of_kind(manifests: list[Manifest], *kinds: str) -> list[Manifest]:
    """Those of the kinds."""
    return [m for m in manifests if m["kind"] in kinds]


def named(manifests: list[Manifest], kind: str, name: str, namespace: str = NAMESPACE) -> Manifest:
    """The one object of that kind and name."""
    (only,) = (
        m
        for m in of_kind(manifests, kind)
        if m["metadata"]["name"] == name and m["metadata"].get("namespace", namespace) == namespace
    )
    return only
