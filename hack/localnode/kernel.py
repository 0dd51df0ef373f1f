"""What pods leave in the kernel: cgroups and mounts. Finds and removes exactly this cluster's. Not for namespaces."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .processes import signal_if_there

_V2_CONTROLLERS = "+cpuset +cpu +io +memory +pids"


@dataclass(frozen=True)
class Hierarchy:
    """One mounted cgroup hierarchy. A version 2 one beside version 1 ones has no controllers of its own."""

    root: Path
    version: int


def hierarchies(mounts: str) -> list[Hierarchy]:
    """All cgroup hierarchies in the text of /proc/mounts."""
    versions = {"cgroup": 1, "cgroup2": 2}
    rows = [line.split() for line in mounts.splitlines()]
    return [Hierarchy(Path(row[1]), versions[row[2]]) for row in rows if row[2] in versions]


def _hierarchies() -> list[Hierarchy]:
    return hierarchies(Path("/proc/mounts").read_text())


def create_cgroup(name: str) -> None:
    """Make the cgroup in every hierarchy, ready to have pods below it. Idempotent."""
    found = _hierarchies()
    is_pure_v2 = all(each.version == 2 for each in found)
    for each in found:
        folder = each.root / name
        folder.mkdir(exist_ok=True)
        if is_pure_v2:
            for level in (each.root, folder):
                (level / "cgroup.subtree_control").write_text(_V2_CONTROLLERS)
        elif each.version == 1:
            _fill_cpuset(folder)


def _fill_cpuset(folder: Path) -> None:
    """A new version 1 cpuset is empty and takes no process until it has processors and memory nodes."""
    for part in ("cpuset.cpus", "cpuset.mems"):
        if (folder / part).exists() and not (folder / part).read_text().strip():
            (folder / part).write_text((folder.parent / part).read_text())


def kill_cgroup(name: str, patience: float = 10.0) -> None:
    """KILL every process below the cgroup and wait until they are gone."""
    end = time.monotonic() + patience
    while time.monotonic() < end and (pids := _members(name)):
        for pid in pids:
            signal_if_there(pid, signal.SIGKILL)
        time.sleep(0.05)


def remove_cgroup(name: str) -> None:
    """Remove the cgroup and all below it; what is busy or gone is left to a later call."""
    for each in _hierarchies():
        for folder, _, _ in os.walk(each.root / name, topdown=False):
            with suppress(OSError):
                os.rmdir(folder)


def _members(name: str) -> set[int]:
    pids: set[int] = set()
    for each in _hierarchies():
        for file in (each.root / name).rglob("cgroup.procs"):
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
