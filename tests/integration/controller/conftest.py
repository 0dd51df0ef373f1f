"""Control planes of their own for these tests, for they stop, cut and break them; and the operator as a process."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from hack.localnode import throwaway
from hack.localnode.control_plane import ControlPlane
from hack.localnode.network import free_ports
from tests.integration.controller.proxy import Proxy, proxy_before

ROOT = Path(__file__).parents[3]


def wait_for[T](what: str, question: Callable[[], T], seconds: float = 60.0) -> T:
    """Ask until the answer is truthy."""
    end = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.1)


def training(name: str, namespace: str, target: str = "late") -> dict[str, Any]:
    """The smallest ModelTraining."""
    return {
        "apiVersion": "perennial.dev/v1alpha1",
        "kind": "ModelTraining",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "data": {"train": {"uri": "s3://perennial/datasets/x/"}, "target": target},
            "algorithm": {"estimator": "sklearn.linear_model.LogisticRegression"},
        },
    }


@dataclass
class Plane:
    """A control plane with the CRDs."""

    control: ControlPlane

    def kubectl(self, *args: str, input: str | None = None) -> str:
        """Run kubectl as administrator; what it printed."""
        run = self._run(*args, input=input)
        assert run.returncode == 0, f"kubectl {' '.join(args)}: {run.stderr or run.stdout}"
        return run.stdout

    def _run(self, *args: str, input: str | None = None) -> subprocess.CompletedProcess[str]:
        place = self.control.place
        return subprocess.run(
            [str(place.bin / "kubectl"), *args],
            input=input,
            env={**os.environ, "KUBECONFIG": str(place.kubeconfig)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def json(self, *args: str) -> dict[str, Any]:
        """What kubectl prints as JSON."""
        return json.loads(self.kubectl(*args, "-o", "json"))

    def apply(self, *bodies: dict[str, Any], verb: str = "apply") -> None:
        """Create or change objects as a user would."""
        self.kubectl(verb, "-f", "-", input=json.dumps({"apiVersion": "v1", "kind": "List", "items": list(bodies)}))

    def install_crds(self) -> None:
        """The project's own CRDs."""
        self.kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
        kinds = "modeltrainings,modeldeployments,retrainpolicies"
        wait_for("the kinds are served", lambda: self._run("get", kinds, "-A").returncode == 0)

    def signal(self, number: int) -> None:
        """Send a signal to this test's API server."""
        pid = self.control.processes.live("kube-apiserver")
        assert pid is not None
        os.kill(pid, number)
        if number == signal.SIGKILL:
            live = self.control.processes.live  # reaps
            wait_for("it is dead", lambda: live("kube-apiserver") is None and not Path(f"/proc/{pid}").exists())


@pytest.fixture(scope="package")
def plane() -> Iterator[Plane]:
    """One control plane for these tests, without controllers: nobody but the operator under test writes."""
    reason = throwaway.why_not()
    if reason is not None:
        pytest.skip(f"no API server: {reason}")
    with throwaway.control_plane() as control:
        plane = Plane(control)
        plane.install_crds()
        yield plane


@pytest.fixture
def proxy(plane: Plane) -> Iterator[Proxy]:
    """A way to the API server that can be broken."""
    with proxy_before(plane.control.url, plane.control.place.pki) as proxy:
        yield proxy


@pytest.fixture
def namespace(plane: Plane) -> str:
    """A fresh namespace."""
    name = f"test-{os.urandom(4).hex()}"
    plane.kubectl("create", "namespace", name)
    return name


@dataclass
class OperatorProcess:
    """A running operator."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def get(self, path: str) -> tuple[int, str]:
        """Status and text of its health port; 0 when it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=2) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def metric(self, name: str, **labels: str) -> float:
        """Sum of a metric's samples that carry these labels."""
        wanted = [f'{k}="{v}"' for k, v in labels.items()]
        lines = [line for line in self.get("/metrics")[1].splitlines() if line.startswith((f"{name}{{", f"{name} "))]
        return sum(float(line.rpartition(" ")[2]) for line in lines if all(w in line for w in wanted))

    def ready(self) -> bool:
        """Whether it says it is."""
        assert self.process.poll() is None, f"it ended with {self.process.returncode}:\n{self.log.read_text()[-3000:]}"
        return self.get("/readyz")[0] == 200

    def signal(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.process.pid, number)

    def stop(self) -> int:
        """End it as the kubelet would; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


@dataclass
class Starter:
    """Starts operators and ends those that a test leaves behind."""

    folder: Path
    plane: Plane
    started: list[OperatorProcess] = field(default_factory=list)

    def __call__(
        self, namespace: str, *, through: Proxy | None = None, identity: str = "", **env: str
    ) -> OperatorProcess:
        """Start an operator that watches one namespace and keeps its Lease there."""
        number = len(self.started)
        port, log = free_ports(1)[0], self.folder / f"operator-{number}.log"
        kubeconfig = self.plane.control.place.kubeconfig
        if through is not None:
            kubeconfig = self.folder / f"kubeconfig-{number}"
            cluster = {"name": "c", "cluster": {"server": through.url}}
            context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
            users = [{"name": "u", "user": {}}]
            config = {"clusters": [cluster], "users": users, "contexts": [context], "current-context": "c"}
            kubeconfig.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", **config}))
        environment = {
            "KUBECONFIG": str(kubeconfig),
            "PERENNIAL_REGISTRY": "s3://perennial/registry",
            "PERENNIAL_TRAINER_IMAGE": "localhost/perennial-trainer:test",
            "PERENNIAL_SERVER_IMAGE": "localhost/perennial-server:test",
            "PERENNIAL_NAMESPACE": namespace,
            "PERENNIAL_WATCH_NAMESPACES": namespace,
            "PERENNIAL_POD_NAME": identity or f"operator-{number}",
            "PERENNIAL_PORT": str(port),
        }
        with log.open("wb") as sink:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.integration.controller.toy"],
                cwd=ROOT,
                env={**os.environ, **environment, **env},
                stdout=sink,
                stderr=sink,
            )
        self.started.append(OperatorProcess(process, port, log))
        return self.started[-1]


@pytest.fixture
def operator(tmp_path: Path, plane: Plane) -> Iterator[Starter]:
    """Start operators with `operator(namespace)`; they end with the test."""
    starter = Starter(tmp_path, plane)
    with _ended(starter):
        yield starter


@contextmanager
def _ended(starter: Starter) -> Iterator[None]:
    try:
        yield
    finally:
        for process in starter.started:
            process.stop()
