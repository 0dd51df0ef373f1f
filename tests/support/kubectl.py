"""Runs kubectl against one cluster, for the fixtures that bring one up."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Kubectl:
    """An administrator's kubectl; calling it runs it."""

    program: Path
    kubeconfig: Path

    def __call__(
        self, *args: str, input: str | None = None, check: bool = True, timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Raises AssertionError with kubectl's own words if it fails and `check` is on."""
        run = subprocess.run(
            [str(self.program), *args],
            input=input,
            env={**os.environ, "KUBECONFIG": str(self.kubeconfig)},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert not check or run.returncode == 0, f"kubectl {' '.join(args)}: {run.stderr or run.stdout}"
        return run
