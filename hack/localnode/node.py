"""The whole node: control plane, containerd, kubelet, kube-proxy and CoreDNS in a sealed network namespace.

`down` treats pods as a power cut would: nothing that a crashed script left behind can be in its way.
"""

from __future__ import annotations

import http.client
import shutil
import subprocess
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from . import binaries, catalogue, certs, host, kernel, network, node_config, node_files, pause
from .containerd import Containerd
from .control_plane import ControlPlane, Options
from .failure import Failure
from .forward import Forwards, into_namespace
from .lock import exclusive
from .place import NODE, Place, shell_kubeconfig
from .processes import Processes
from .progress import step

DAEMONS = ("kubelet", "kube-proxy", "coredns", "containerd")


class Node:
    """The node of this checkout. `up` and `down` are idempotent and mend what a crash left."""

    def __init__(self) -> None:
        self.place = Place(NODE)
        self.control = ControlPlane(self.place, Options(controllers=True))
        self.processes: Processes = self.control.processes
        self.containerd = Containerd(self.place)
        self.forwards = Forwards(self.place, self.processes, into_namespace(self.place))

    @property
    def name(self) -> str:
        """The node's name in Kubernetes."""
        return f"perennial-{self.place.key}"

    @property
    def namespace(self) -> Path:
        assert self.place.namespace is not None
        return self.place.namespace

    def why_not(self) -> str | None:
        """Why the node cannot be started here within seconds; None if it can."""
        try:
            host.require_linux()
            host.require_root()
        except Failure as failure:
            return str(failure)
        absent = [binary.name for binary in binaries.missing(catalogue.ALL)]
        if absent:
            return f"not built yet: {', '.join(absent)}; run `hack/cluster build` once (about 12 minutes)"
        return None

    def is_up(self) -> bool:
        """Whether every daemon runs and the node is Ready."""
        wanted = (*DAEMONS, *catalogue.CONTROLLERS, "kube-apiserver", "etcd")
        return self.namespace.exists() and all(map(self.processes.live, wanted)) and self._is_ready()

    def up(self) -> None:
        """Start whatever does not run yet; returns when the node is Ready and reachable from the host.

        Raises Failure with the reason and what to do.
        """
        host.require_linux()
        host.require_root()
        host.require_packages(host.NODE)
        binaries.provide(catalogue.ALL, self.place.bin)
        archive = pause.provide()
        with self._alone():
            self._up(archive)

    def _alone(self) -> AbstractContextManager[None]:
        return exclusive(self.place.state.parent / "node.lock", "the node on its way up or down")

    def _up(self, archive: Path) -> None:
        network.create(self.namespace)
        self.control.up()
        with step("containerd"):
            kernel.create_cgroup(self.place.cgroup)
            node_config.write(self.place, self.name, self.control.url)
            self._start_containerd(archive)
        with step("kubelet, kube-proxy, CoreDNS: node Ready"):
            self._start_daemons()
            self.processes.wait("the kubelet is healthy", self._is_healthy, 60)
            self.processes.wait("the node is Ready", self._is_ready, 60)
        port = self.forwards.api(self.control.ports.api)
        certs.write_kubeconfig(self.place.pki, "admin", f"https://127.0.0.1:{port}", shell_kubeconfig())

    def down(self) -> None:
        """End everything and remove namespace, mounts and cgroups; images, objects and volumes stay."""
        with self._alone():
            self._down()

    def _down(self) -> None:
        self.forwards.stop()
        for name in DAEMONS:
            self.processes.stop(name)
        kernel.kill_cgroup(self.place.cgroup)
        self.processes.kill_strays()  # containerd's shims
        self.control.down()
        kernel.unmount_below([self.place.state, self.place.run])
        kernel.remove_cgroup(self.place.cgroup)
        network.remove(self.namespace)
        self._remove_traces()

    def wipe(self) -> None:
        """End the node and remove its state; programs and images in the cache stay."""
        self.down()
        shutil.rmtree(self.place.state, ignore_errors=True)
        shell_kubeconfig().unlink(missing_ok=True)

    def kubectl(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run kubectl as administrator inside the namespace.

        Raises Failure with kubectl's words.
        """
        kubectl = [str(self.place.bin / "kubectl"), f"--kubeconfig={self.place.kubeconfig}", *arguments]
        command = [*network.prefix(self.namespace), *kubectl]
        run = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
        if run.returncode != 0:
            raise Failure(f"kubectl {' '.join(arguments)}: {run.stderr.strip()}")
        return run

    def _start_containerd(self, pause_archive: Path) -> None:
        config = self.place.config / "containerd.toml"
        path = f"{self.place.bin}:/usr/sbin:/usr/bin:/sbin:/bin"
        self._start("containerd", [f"--config={config}"], env={"PATH": path})
        self.processes.wait("containerd answers", self.containerd.answers, 20)
        if node_files.PAUSE not in self.containerd.images():
            self.containerd.load(pause_archive)

    def _start_daemons(self) -> None:
        config, state = self.place.config, self.place.state
        self.kubectl("apply", "-f", "-", stdin=node_files.coredns_access())
        self._start("coredns", ["-conf", str(config / "Corefile")])
        self._start("kube-proxy", [f"--config={config / 'kube-proxy.json'}", f"--hostname-override={self.name}"])
        self._start(
            "kubelet",
            [
                f"--config={config / 'kubelet.json'}",
                f"--kubeconfig={self.place.pki / 'kubelet.kubeconfig'}",
                f"--root-dir={state / 'kubelet'}",
                f"--cert-dir={state / 'kubelet' / 'pki'}",
                f"--hostname-override={self.name}",
                f"--node-ip={network.NODE_IP}",
            ],
        )

    def _start(self, name: str, arguments: list[str], env: dict[str, str] | None = None) -> None:
        command = [*network.prefix(self.namespace), str(self.place.bin / name), *arguments]
        self.processes.ensure(name, command, env)

    def _is_healthy(self) -> bool:
        # The stored status says Ready long after a kubelet's death: ask the kubelet itself first.
        try:
            return network.inside(self.namespace, _kubelet_is_healthy)
        except (OSError, http.client.HTTPException):
            return False

    def _is_ready(self) -> bool:
        query = "jsonpath={.status.conditions[?(@.type=='Ready')].status}"
        with suppress(Failure):
            return self._is_healthy() and self.kubectl("get", "node", self.name, "-o", query).stdout == "True"
        return False

    def _remove_traces(self) -> None:
        """Files that kubelet and CNI keep in folders which all clusters of a machine share."""
        for link in Path("/var/log/containers").glob("*.log"):
            if link.is_symlink() and Path(link.readlink()).is_relative_to(self.place.state):
                link.unlink(missing_ok=True)
        results = Path("/var/lib/cni/results")
        network_name = node_files.cni_network(self.place)
        for result in results.glob(f"{network_name}-*-eth0"):
            sandbox = result.name.removeprefix(f"{network_name}-").removesuffix("-eth0")
            result.unlink(missing_ok=True)
            (results / f"cni-loopback-{sandbox}-lo").unlink(missing_ok=True)
        shutil.rmtree(self.place.run, ignore_errors=True)


def _kubelet_is_healthy() -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", node_files.KUBELET_HEALTH_PORT, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    finally:
        connection.close()
