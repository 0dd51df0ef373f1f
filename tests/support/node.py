"""Fixtures with the real local node, where pods run. It is brought up if need be and left as it was found."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from hack.localnode import base_image, engines, images
from hack.localnode.forward import Service
from hack.localnode.node import Node
from hack.localnode.place import shell_kubeconfig
from tests.support.kubectl import Kubectl


@dataclass(frozen=True)
class RunningNode:
    """The node of this checkout and an administrator's way to it from the host."""

    node: Node
    kubectl: Kubectl

    def url(self, namespace: str, service: str, port: int) -> str:
        """`http://127.0.0.1:…` of a port of a Service, by a forwarder."""
        return f"http://127.0.0.1:{self.node.forwards.service(Service(namespace, service, port))}"

    def load(self, name: str) -> str:
        """Give the node an image that is built; returns its name."""
        images.send(engines.find(), name, self.node.containerd)
        return name


@pytest.fixture(scope="session")
def node() -> Iterator[RunningNode]:
    local = Node()
    reason = local.why_not()
    if reason is not None:
        pytest.skip(f"no local node: {reason}")
    was_up = local.is_up()
    local.up()
    try:
        yield RunningNode(local, Kubectl(local.place.bin / "kubectl", shell_kubeconfig()))
    finally:
        if not was_up:
            local.down()


@pytest.fixture(scope="session")
def python_image(node: RunningNode) -> str:
    """The name of an image with nothing but Python, on the node."""
    return node.load(engines.find().import_base(base_image.provide()))


@pytest.fixture
def node_namespace(node: RunningNode) -> Iterator[str]:
    """A fresh namespace on the node under the restricted pod security level; removed after the test."""
    name = f"test-{secrets.token_hex(4)}"
    node.kubectl("create", "namespace", name)
    node.kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
    yield name
    node.node.forwards.stop(name)
    node.kubectl("delete", "namespace", name, "--wait=false")
