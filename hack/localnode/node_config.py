"""Puts the node's configuration files and certificates in place. What is in the files is node_files.py's."""

from __future__ import annotations

from pathlib import Path

from . import certs, network, node_files
from .certs import SERVER, Leaf
from .place import Place


def write(place: Place, node: str, api_url: str) -> None:
    """Everything that containerd, kubelet, kube-proxy and CoreDNS read, for a node of this name. Idempotent."""
    config = place.config
    (config / "cni").mkdir(exist_ok=True)
    _write(config / "resolv.conf", "")  # pods inherit no name server of the host
    _write(config / "cni" / "10-perennial.conflist", node_files.cni(place))
    _write(config / "containerd.toml", node_files.containerd(place))
    _write(config / "kubelet.json", node_files.kubelet(place))
    _write(config / "kube-proxy.json", node_files.kube_proxy(place))
    _write(config / "Corefile", node_files.corefile(place))
    user, group = f"system:node:{node}", "system:nodes"
    leaves = (
        Leaf("kubelet", user, group),
        Leaf("kubelet-serving", user, group, usage=SERVER, sans=(f"DNS:{node}", f"IP:{network.NODE_IP}")),
        Leaf("kube-proxy", "system:kube-proxy"),
        Leaf("coredns", "system:coredns"),
    )
    certs.issue(place.pki, leaves)
    for name in ("kubelet", "kube-proxy", "coredns"):
        certs.write_kubeconfig(place.pki, name, api_url, place.pki / f"{name}.kubeconfig")


def _write(path: Path, content: str) -> None:
    """kube-proxy ends when its file is written, even with the same content."""
    if not path.exists() or path.read_text() != content:
        path.write_text(content)
