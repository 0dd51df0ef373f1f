"""A real server process on loopback for the tests."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

from perennial.api.records.arms import ArmsReport
from perennial.api.records.server import SERVER_VARIABLE, RolloutPlan, ServerConfig

START_SECONDS = 240.0


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class ServerProcess:
    """`python -m perennial.runtime.serving` with its scratch folder."""

    def __init__(
        self,
        config: ServerConfig,
        folder: Path,
        *,
        grpc: bool = False,
        plan: RolloutPlan | None = None,
        address: str = "127.0.0.1",
        port: int | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.config = config
        self.folder = folder
        self.address = address
        self.port = port or free_port()
        self.grpc_port = free_port() if grpc else 0
        self.url = f"http://{address}:{self.port}"
        self.plan_file = folder / "plan.json"
        if plan is not None:
            self.tell(plan)
        self.log_file = folder / "log.jsonl"
        self.termination_log = folder / "termination-log"
        self.termination_log.touch()
        self.process = self._start()
        self.client = httpx.Client(base_url=self.url, timeout=30)

    def _start(self) -> subprocess.Popen[bytes]:
        arguments = ["--host", self.address, "--port", str(self.port), "--grpc-port", str(self.grpc_port)]
        scratch = ["--folder", str(self.folder / "work"), "--plan", str(self.plan_file)]
        scratch += ["--termination-log", str(self.termination_log)]
        environment = {**os.environ, SERVER_VARIABLE: self.config.to_json().decode(), "POD_NAME": self.folder.name}
        with self.log_file.open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "perennial.runtime.serving", *arguments, *scratch],
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def wait_ready(self) -> "ServerProcess":
        """Until it is ready.

        Raises:
            AssertionError: it ended, or took too long; with its log.
        """
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log_file.read_text()
            try:
                if self.client.get("/v2/health/ready").status_code == 200:
                    return self
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        self.stop()
        raise AssertionError(self.log_file.read_text())

    def tell(self, plan: RolloutPlan | bytes) -> None:
        """Change the plan file the way the kubelet does: a new file in the old one's place."""
        new = self.plan_file.with_suffix(".new")
        new.write_bytes(plan if isinstance(plan, bytes) else plan.to_json())
        new.rename(self.plan_file)

    def follow(self, plan: RolloutPlan, *, within: float = 2.0) -> None:
        """Change the plan and wait until it is in force."""
        self.tell(plan)
        deadline = time.monotonic() + within
        while (seen := self.arms()).rollout != plan.rollout or seen.weight != plan.weight:
            assert time.monotonic() < deadline, f"plan not in force after {within} s: {seen.rollout} {seen.weight}"
            time.sleep(0.05)

    def arms(self) -> ArmsReport:
        """Both arms' counters."""
        return ArmsReport.from_json(self.client.get("/perennial/arms").content)

    def metric(self, name: str) -> float:
        """A metric's value, summed over its labels."""
        lines = self.client.get("/metrics").text.splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name + "{"))

    def infer(self, values: list[list[float]], **more: Any) -> httpx.Response:
        """One V2 request of numeric rows."""
        tensor = {"name": "x", "shape": [len(values), len(values[0])], "datatype": "FP64", "data": values}
        return self.client.post(f"/v2/models/{self.config.model}/infer", json={"inputs": [tensor], **more})

    def log_lines(self) -> list[dict[str, Any]]:
        """What it has logged."""
        return [json.loads(line) for line in self.log_file.read_text().splitlines()]

    def stop(self, seconds: float = 40) -> int:
        """SIGTERM, and its exit code."""
        self.client.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"not gone {seconds} s after SIGTERM: {self.log_file.read_text()}") from None
