"""What one start of the server is told: its configuration, addresses and folders."""

import os
import socket
import uuid
from dataclasses import dataclass
from pathlib import Path

from perennial.api.records.server import GRPC_PORT, HTTP_PORT, PLAN_FILE, ServerConfig


@dataclass(frozen=True)
class Boot:
    """One start of a server pod, or of `perennial serve`."""

    config: ServerConfig
    host: str = "0.0.0.0"  # noqa: S104 - a pod listens on its own address
    port: int = HTTP_PORT
    grpc_port: int | None = GRPC_PORT  # None: no gRPC
    folder: Path = Path("/work")
    plan: Path = Path(PLAN_FILE)
    termination_log: Path = Path("/dev/termination-log")
    pod: str = ""
    boot_id: str = ""

    @classmethod
    def of(cls, config: ServerConfig, **settings: object) -> "Boot":
        """With this host's name and a new boot id."""
        pod = os.environ.get("POD_NAME") or socket.gethostname()
        return cls(config, pod=pod, boot_id=uuid.uuid4().hex[:12], **settings)  # type: ignore[arg-type]

    @property
    def names(self) -> dict[str, str]:
        """Names of the object that every log line speaks of."""
        config = self.config
        return {
            "namespace": config.namespace,
            "deployment": config.deployment,
            "model": config.model,
            "version": config.version,
            "pod": self.pod,
        }
