"""etcd, the API server and the controllers: on free ports of 127.0.0.1 for tests, or inside the node's namespace."""

from __future__ import annotations

import json
import shutil
import ssl
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass

from . import binaries, catalogue, certs, host, network
from .certs import SERVER, Leaf
from .place import Place
from .processes import Processes
from .progress import step


@dataclass(frozen=True)
class Ports:
    """Where the control plane listens on 127.0.0.1 (of its namespace)."""

    api: int
    etcd: int
    etcd_peer: int


IN_NODE = Ports(api=6443, etcd=2379, etcd_peer=2380)


@dataclass(frozen=True)
class Options:
    """What a control plane is for. `durable` off leaves out fsync: for data that no one will miss."""

    controllers: bool = False
    durable: bool = True


class ControlPlane:
    """The control plane at one place. All methods are idempotent."""

    def __init__(self, place: Place, options: Options) -> None:
        self.place, self.options = place, options
        self.processes = Processes(place.run, place.logs)
        self.ports = self._ports()
        self._context: ssl.SSLContext | None = None

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.ports.api}"

    def up(self) -> None:
        """Start whatever does not run yet and wait until the API server is ready.

        Raises Failure with the reason and the end of the log of what died.
        """
        host.require_linux()
        host.require_packages(host.CERTIFICATES)
        binaries.provide(self._programs(), self.place.bin)
        self.place.make()
        (self.place.run / "ports.json").write_text(json.dumps(asdict(self.ports)))
        with step("certificates"):
            self._certificates()
        with step("etcd and API server ready"):
            self._start("etcd", self._etcd())
            self._start("kube-apiserver", self._apiserver())
            self.processes.wait("the API server is ready", lambda: self.answers("/readyz"), 60)
        if self.options.controllers:
            with step("controller manager and scheduler"):
                self._start("kube-controller-manager", self._controller_manager())
                self._start("kube-scheduler", self._scheduler())
                account = "/api/v1/namespaces/default/serviceaccounts/default"
                self.processes.wait("the first service account is there", lambda: self.answers(account), 30)

    def down(self) -> None:
        """End all programs of this place, the API server before its storage."""
        for name in ("kube-scheduler", "kube-controller-manager", "kube-apiserver", "etcd"):
            self.processes.stop(name)
        self.processes.kill_strays()

    def answers(self, path: str) -> bool:
        """Whether the API server answers this path with success."""
        try:
            return network.inside(self.place.namespace, lambda: self._get(path))
        except urllib.error.HTTPError as refused:  # it is an answer too, and holds the connection
            refused.close()
            return False
        except (OSError, urllib.error.URLError):
            return False

    def _get(self, path: str) -> bool:
        if self._context is None:
            pki = self.place.pki
            self._context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
            self._context.load_cert_chain(pki / "admin.crt", pki / "admin.key")
        # No proxy of the environment: this is loopback.
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=self._context)
        )
        with opener.open(self.url + path, timeout=2) as answer:
            return bool(answer.status == 200)

    def _programs(self) -> tuple[str, ...]:
        return catalogue.CONTROL_PLANE + (catalogue.CONTROLLERS if self.options.controllers else ())

    def _ports(self) -> Ports:
        """Those in use since the last `up`, else free ones. A reboot forgets them, as it should."""
        if self.place.namespace is not None:
            return IN_NODE
        try:
            return Ports(**json.loads((self.place.run / "ports.json").read_text()))
        except (OSError, ValueError, TypeError):
            return Ports(*network.free_ports(3))

    def _start(self, name: str, arguments: list[str]) -> None:
        program = str(self.place.bin / name)
        self.processes.ensure(name, [*network.prefix(self.place.namespace), program, *arguments])

    def _certificates(self) -> None:
        in_cluster = ("kubernetes", *(f"kubernetes.default{tail}" for tail in ("", ".svc", ".svc.cluster.local")))
        names = [f"DNS:{name}" for name in ("localhost", *in_cluster)]
        addresses = [f"IP:{address}" for address in ("127.0.0.1", network.NODE_IP, network.API_SERVICE_IP)]
        masters = "system:masters"
        leaves = (
            Leaf("apiserver", "kube-apiserver", usage=SERVER, sans=(*names, *addresses)),
            Leaf("apiserver-kubelet-client", "apiserver-kubelet-client", masters),
            Leaf("admin", "admin", masters),
            Leaf("kube-controller-manager", "system:kube-controller-manager"),
            Leaf("kube-scheduler", "system:kube-scheduler"),
        )
        pki = self.place.pki
        certs.issue(pki, leaves)
        for name in catalogue.CONTROLLERS:
            certs.write_kubeconfig(pki, name, self.url, pki / f"{name}.kubeconfig")
        certs.write_kubeconfig(pki, "admin", self.url, self.place.kubeconfig)

    def _etcd(self) -> list[str]:
        client, peer = (f"http://127.0.0.1:{port}" for port in (self.ports.etcd, self.ports.etcd_peer))
        return [
            "--name=perennial",
            f"--data-dir={self.place.state / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=perennial={peer}",
            "--log-level=warn",
            "--auto-compaction-mode=periodic",
            "--auto-compaction-retention=10m",
            *([] if self.options.durable else ["--unsafe-no-fsync"]),
        ]

    def _apiserver(self) -> list[str]:
        pki = self.place.pki
        return [
            f"--etcd-servers=http://127.0.0.1:{self.ports.etcd}",
            f"--secure-port={self.ports.api}",
            *self._addresses(),
            f"--service-cluster-ip-range={network.SERVICES}",
            f"--client-ca-file={pki / 'ca.crt'}",
            f"--tls-cert-file={pki / 'apiserver.crt'}",
            f"--tls-private-key-file={pki / 'apiserver.key'}",
            f"--kubelet-client-certificate={pki / 'apiserver-kubelet-client.crt'}",
            f"--kubelet-client-key={pki / 'apiserver-kubelet-client.key'}",
            f"--kubelet-certificate-authority={pki / 'ca.crt'}",
            "--kubelet-preferred-address-types=InternalIP",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={pki / 'sa.pub'}",
            f"--service-account-signing-key-file={pki / 'sa.key'}",
            "--authorization-mode=Node,RBAC",
            f"--requestheader-client-ca-file={pki / 'front-proxy-ca.crt'}",
            "--requestheader-allowed-names=front-proxy",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            "--enable-admission-plugins=NodeRestriction",
            "--allow-privileged",
            "--profiling=false",
            "--shutdown-delay-duration=0s",
        ]

    def _addresses(self) -> list[str]:
        if self.place.namespace is not None:
            return ["--bind-address=0.0.0.0", f"--advertise-address={network.NODE_IP}"]
        # A loopback address cannot be an endpoint. Without controllers nobody makes service accounts, so nothing asks.
        admission = [] if self.options.controllers else ["--disable-admission-plugins=ServiceAccount"]
        return ["--bind-address=127.0.0.1", "--endpoint-reconciler-type=none", *admission]

    def _controller_manager(self) -> list[str]:
        pki = self.place.pki
        return [
            f"--kubeconfig={pki / 'kube-controller-manager.kubeconfig'}",
            f"--service-account-private-key-file={pki / 'sa.key'}",
            f"--root-ca-file={pki / 'ca.crt'}",
            f"--cluster-signing-cert-file={pki / 'ca.crt'}",
            f"--cluster-signing-key-file={pki / 'ca.key'}",
            "--use-service-account-credentials",
            "--leader-elect=false",
            "--secure-port=0",
            # Its 20 requests a second would take 5 s to make the first service accounts, one of each controller.
            "--kube-api-qps=500",
            "--kube-api-burst=1000",
        ]

    def _scheduler(self) -> list[str]:
        kubeconfig = f"--kubeconfig={self.place.pki / 'kube-scheduler.kubeconfig'}"
        rate = ["--kube-api-qps=500", "--kube-api-burst=1000"]
        return [kubeconfig, "--leader-elect=false", "--secure-port=0", *rate]


def wipe(place: Place) -> None:
    """Remove everything that an ended control plane left."""
    shutil.rmtree(place.run, ignore_errors=True)
    shutil.rmtree(place.state, ignore_errors=True)
