"""Which programs the local node consists of, and how each is built. Not for building them: see binaries.py."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

MODULES = Path(__file__).resolve().parent.parent / "cluster-modules"

_VERSION = "k8s.io/component-base/version"
# Without these stamps Kubernetes calls itself v0.0.0-master.
_KUBERNETES_STAMP = (
    f"-X {_VERSION}.gitVersion=v1.36.3 -X {_VERSION}.gitMajor=1 -X {_VERSION}.gitMinor=36 "
    f"-X {_VERSION}.gitTreeState=clean -X {_VERSION}.gitCommit=0000000 -X {_VERSION}.buildDate=2026-01-01T00:00:00Z"
)
_CONTAINERD = "github.com/containerd/containerd/v2"
_CNI = "github.com/containernetworking/plugins/plugins"


@dataclass(frozen=True)
class Binary:
    """One program: a package of a pinned Go module and the flags it is linked with.

    `seconds` is what a cold build took on two cores, in the order of BINARIES; only ever used for estimates.
    """

    name: str
    module: str
    package: str
    seconds: int
    stamp: str = ""
    tags: str = ""
    cgo: bool = False

    def flags(self) -> list[str]:
        """Arguments of `go build`, without the output."""
        tags = ["-tags", self.tags] if self.tags else []
        ldflags = f"-s -w {self.stamp}".strip()
        return ["-trimpath", "-buildvcs=false", *tags, "-ldflags", ldflags, self.package]

    def key(self, modules: Path = MODULES) -> str:
        """Hash over the pinned sources and the flags: the same key is the same program."""
        digest = hashlib.sha256()
        for part in ("go.mod", "go.sum"):
            digest.update((modules / self.module / part).read_bytes())
        digest.update(repr((self.flags(), self.cgo)).encode())
        return digest.hexdigest()[:16]


def _kubernetes(name: str, seconds: int) -> Binary:
    return Binary(name, "kubernetes", f"k8s.io/kubernetes/cmd/{name}", seconds, stamp=_KUBERNETES_STAMP)


def _containerd(name: str, seconds: int) -> Binary:
    stamp = f"-X {_CONTAINERD}/version.Version=v2.4.2"
    package = f"{_CONTAINERD}/cmd/{name}"
    return Binary(name, "containerd", package, seconds, stamp=stamp, tags="no_btrfs,no_devmapper,no_zfs")


# First what a control plane for tests needs, so that it is usable while the rest is still being built.
BINARIES = (
    Binary("etcd", "etcd", "go.etcd.io/etcd/server/v3", 60),
    _kubernetes("kube-apiserver", 235),
    _kubernetes("kubectl", 20),
    _kubernetes("kube-controller-manager", 63),
    _kubernetes("kube-scheduler", 6),
    _kubernetes("kubelet", 18),
    _kubernetes("kube-proxy", 7),
    Binary("runc", "runc", "github.com/opencontainers/runc", 16, tags="seccomp", cgo=True),
    Binary("bridge", "cni", f"{_CNI}/main/bridge", 5),
    Binary("loopback", "cni", f"{_CNI}/main/loopback", 1),
    Binary("host-local", "cni", f"{_CNI}/ipam/host-local", 1),
    Binary("portmap", "cni", f"{_CNI}/meta/portmap", 1),
    _containerd("containerd", 111),
    _containerd("containerd-shim-runc-v2", 2),
    _containerd("ctr", 7),
    Binary("coredns", "coredns", "github.com/coredns/coredns", 129),
    Binary("helm", "helm", "helm.sh/helm/v4/cmd/helm", 118),
)

# Built only where a test or a person asks for them by name: controllers of others that runs can be handed to.
OPTIONAL = (Binary("jobset", "jobset", "sigs.k8s.io/jobset", 150),)

CONTROL_PLANE = ("etcd", "kube-apiserver", "kubectl")
CONTROLLERS = ("kube-controller-manager", "kube-scheduler")
TOOLS = ("kubectl", "helm")
ALL = tuple(binary.name for binary in BINARIES)


def select(names: tuple[str, ...]) -> list[Binary]:
    """The named binaries in build order.

    Raises KeyError with the unknown name.
    """
    known = {binary.name for binary in (*BINARIES, *OPTIONAL)}
    for name in names:
        if name not in known:
            raise KeyError(name)
    return [binary for binary in (*BINARIES, *OPTIONAL) if binary.name in names]
