"""What pods leave in the kernel: cgroups and mounts. Finds and removes exactly this cluster's. Not for namespaces."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from .processes import signal_if_there

_V2_CONTROLLERS = "+cpuset +cpu +io +memory +pids"


def hierarchies(mounts: str) -> list[tuple[Path, bool]]:
    """The cgroup hierarchies in the text of /proc/mounts: (mount point, whether it is version 2).

    Beside version 1 hierarchies a version 2 one has no controllers and is left out.
    """
    rows = [line.split() for line in mounts.splitlines()]
    first = [(Path(row[1]), False) for row in rows if row[2] == "cgroup"]
    return first or [(Path(row[1]), True) for row in rows if row[2] == "cgroup2"]


def _hierarchies() -> list[tuple[Path, bool]]:
    return hierarchies(Path("/proc/mounts").read_text())


def create_cgroup(name: str) -> None:
    """Make the cgroup in every hierarchy, ready to have pods below it. Idempotent."""
    for root, is_v2 in _hierarchies():
        folder = root / name
        folder.mkdir(exist_ok=True)
        if is_v2:
            for each in (root, folder):
                (each / "cgroup.subtree_control").write_text(_V2_CONTROLLERS)
        for part in ("cpuset.cpus", "cpuset.mems"):
            # A new version 1 cpuset is empty and takes no process until it has these.
            if (folder / part).exists() and not is_v2 and not (folder / part).read_text().strip():
                (folder / part).write_text((root / part).read_text())


def kill_cgroup(name: str, patience: float = 10.0) -> None:
    """KILL every process below the cgroup and wait until they are gone."""
    end = time.monotonic() + patience
    while time.monotonic() < end and (pids := _members(name)):
        for pid in pids:
            signal_if_there(pid, signal.SIGKILL)
        time.sleep(0.05)


def remove_cgroup(name: str) -> None:
    """Remove the cgroup and all below it; what is busy or gone is left to a later call."""
    for root, _ in _hierarchies():
        for folder, _, _ in os.walk(root / name, topdown=False):
            with suppress(OSError):
                os.rmdir(folder)


def _members(name: str) -> set[int]:
    pids: set[int] = set()
    for root, _ in _hierarchies():
        for file in (root / name).rglob("cgroup.procs"):
            with suppress(OSError):
                pids.update(int(line) for line in file.read_text().split())
    return pids - {0}


def mounts_below(mountinfo: str, folders: list[Path]) -> list[str]:
    """The mount points at or below the folders, in the order in which they can be removed."""
    points = [line.split()[4].replace("\\040", " ") for line in mountinfo.splitlines()]
    found = [point for point in points if any(Path(point).is_relative_to(folder) for folder in folders)]
    return sorted(found, reverse=True)


def unmount_below(folders: list[Path]) -> None:
    """Remove all mounts below the folders; a busy one is detached and goes when its last user does."""
    for point in mounts_below(Path("/proc/self/mountinfo").read_text(), folders):
        if subprocess.run(["umount", point], capture_output=True, check=False).returncode != 0:
            subprocess.run(["umount", "--lazy", point], capture_output=True, check=False)
