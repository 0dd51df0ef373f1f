"""Server processes of the benchmark, each alone on its core."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from perennial.api.records.server import SERVER_VARIABLE, ServerConfig

START_SECONDS = 180.0


@dataclass(frozen=True)
class Running:
    """A server that is ready."""

    url: str
    path: str  # of inference
    pid: int
    seconds_to_ready: float


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def resident_mib(pid: int) -> float:
    """Memory of a process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    own = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    return own + sum(resident_mib(int(child)) for child in children)


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and its children: what a request costs even on a machine that is busy with other things."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return own + sum(cpu_seconds(int(child)) for child in children)


@contextmanager
def running(
    command: list[str], url: str, ready: str, path: str, core: int, folder: Path, env: Mapping[str, str] | None = None
) -> Iterator[Running]:
    """Start a command on one core, wait until it is ready, end it afterwards.

    Raises:
        RuntimeError: it ended or was not ready in time; with the end of its log.
    """
    log = folder / "server.log"
    started = time.monotonic()
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    with log.open("wb") as out:
        process = subprocess.Popen(
            ["taskset", "-c", str(core), *command], stdout=out, stderr=subprocess.STDOUT, cwd=folder,
            env={**os.environ, **threads, **(env or {})},
        )  # fmt: skip
    try:
        while not _answers(url + ready):
            if process.poll() is not None or time.monotonic() - started > START_SECONDS:
                raise RuntimeError(f"{command[0]} is not ready: {log.read_text()[-2000:]}")
            time.sleep(0.05)
        yield Running(url, path, process.pid, time.monotonic() - started)
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


@contextmanager
def ours(config: ServerConfig, core: int, folder: Path, plan: bytes = b"") -> Iterator[Running]:
    """Our server with everything on."""
    port = free_port()
    arguments = ["--host", "127.0.0.1", "--port", str(port), "--grpc-port", "0", "--folder", str(folder)]
    (folder / "plan.json").write_bytes(plan or b"{}")
    command = [sys.executable, "-m", "perennial.runtime.serving", *arguments, "--plan", str(folder / "plan.json")]
    path = f"/v2/models/{config.model}/infer"
    environment = {SERVER_VARIABLE: config.to_json().decode()}
    with running(command, f"http://127.0.0.1:{port}", "/v2/health/ready", path, core, folder, environment) as server:
        yield server


@contextmanager
def no_model(core: int, folder: Path) -> Iterator[Running]:
    """The stack alone."""
    port = free_port()
    command = [sys.executable, str(Path(__file__).with_name("no_model.py")), str(port)]
    with running(command, f"http://127.0.0.1:{port}", "/", "/v2/models/none/infer", core, folder) as server:
        yield server


@contextmanager
def mlserver(python: Path, model: Path, core: int, folder: Path) -> Iterator[Running]:
    """MLServer with its scikit-learn runtime, in-process (its fastest setting for small models)."""
    port = free_port()
    settings = {"debug": False, "parallel_workers": 0, "host": "127.0.0.1", "http_port": port,
                "grpc_port": free_port(), "metrics_port": free_port()}  # fmt: skip
    (folder / "settings.json").write_text(json.dumps(settings))
    entry = {"name": "m", "implementation": "mlserver_sklearn.SKLearnModel", "parameters": {"uri": str(model)}}
    (folder / "model-settings.json").write_text(json.dumps(entry))
    command = [str(python.with_name("mlserver")), "start", str(folder)]
    url = f"http://127.0.0.1:{port}"
    with running(command, url, "/v2/models/m/ready", "/v2/models/m/infer", core, folder) as server:
        yield server


@contextmanager
def kserve(python: Path, model: Path, core: int, folder: Path) -> Iterator[Running]:
    """KServe's Python SDK with a model of a dozen lines, as its own scikit-learn server does it."""
    port = free_port()
    script = str(Path(__file__).with_name("kserve_model.py"))
    command = [str(python), script, str(model), "--http_port", str(port), "--enable_grpc", "false"]
    url = f"http://127.0.0.1:{port}"
    with running(command, url, "/v2/models/m/ready", "/v2/models/m/infer", core, folder) as server:
        yield server
