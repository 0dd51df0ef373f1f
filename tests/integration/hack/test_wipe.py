"""`hack/cluster wipe --name` on the real programs: one control plane goes, the others and their state stay."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from hack.localnode import throwaway
from hack.localnode.place import CHECKOUT, checkout_key

pytestmark = pytest.mark.apiserver


@pytest.fixture
def cluster(tmp_path: Path) -> list[str]:
    """`hack/cluster` with a state folder of its own."""
    reason = throwaway.why_not()
    if reason is not None:
        pytest.skip(f"no API server: {reason}")
    return ["env", f"XDG_STATE_HOME={tmp_path}", str(CHECKOUT / "hack" / "cluster")]


def _run(command: list[str]) -> str:
    run = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ, timeout=120)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_wiping_one_control_plane_leaves_the_state_of_the_others(cluster: list[str], tmp_path: Path) -> None:
    home = tmp_path / "perennial" / checkout_key()
    kept = home / "node" / "etcd"
    kept.mkdir(parents=True)
    printed = _run([*cluster, "up", "--control-plane-only", "--name", "short-lived"])
    try:
        assert printed == f"export KUBECONFIG={home / 'short-lived' / 'kubeconfig'}\n"
    finally:
        _run([*cluster, "wipe", "--name", "short-lived"])
    assert kept.exists()
    assert not (home / "short-lived").exists()
    status = _run([*cluster, "status"])
    assert "short-lived" not in status
