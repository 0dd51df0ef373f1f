"""Which cgroups and mounts are ours, from the text of /proc."""

from __future__ import annotations

from pathlib import Path

from hack.localnode.kernel import Hierarchy, hierarchies, mounts_below

HYBRID = """tmpfs /sys/fs/cgroup tmpfs rw 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0
"""
MOUNTS = """21 1 0:5 / /proc rw - proc proc rw
30 1 0:9 / /run/perennial/abc/node rw - tmpfs tmpfs rw
31 1 0:9 / /run/perennial/abc/node/containerd/rootfs rw - overlay overlay rw
32 1 0:9 / /run/perennial/abc/node-two rw - tmpfs tmpfs rw
33 1 0:9 / /state/abc/node/kubelet/pods/a\\040b rw - tmpfs tmpfs rw
"""


def test_hybrid_hierarchies_are_told_apart() -> None:
    memory, unified = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup/unified")
    assert hierarchies(HYBRID) == [Hierarchy(memory, 1), Hierarchy(unified, 2)]


def test_a_neighbour_with_the_same_beginning_is_not_ours_and_inner_mounts_come_first() -> None:
    ours = mounts_below(MOUNTS, [Path("/run/perennial/abc/node"), Path("/state/abc/node")])
    assert ours == [
        "/state/abc/node/kubelet/pods/a b",
        "/run/perennial/abc/node/containerd/rootfs",
        "/run/perennial/abc/node",
    ]
