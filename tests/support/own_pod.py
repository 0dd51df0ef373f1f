"""The pod of own code without a kubelet: its containers as processes, one after the other, over the same folders."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

OWN = [sys.executable, "-m", "perennial.runtime.training.own"]
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "own-code" / "train.py"
PASSED_ON = ("PATH", "PYTHONPATH", "HOME", "LANG", "VIRTUAL_ENV")


@dataclass
class Container:
    """One container that has ended."""

    name: str
    code: int
    log: str
    message: str = ""


@dataclass
class OwnPod:
    """One pod. `env` is what our containers get; the code gets the run folder and nothing else."""

    folder: Path
    env: Mapping[str, str]
    code: list[str] = field(default_factory=lambda: [sys.executable, str(EXAMPLE)])
    uid: str = field(default_factory=lambda: str(uuid4()))
    ended: list[Container] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.run_folder.mkdir(parents=True)
        (self.folder / "tmp").mkdir()

    @property
    def run_folder(self) -> Path:
        """What PERENNIAL_RUN names."""
        return self.folder / "run"

    def run(self, *, during: Callable[["OwnPod", subprocess.Popen[bytes]], None] | None = None) -> list[Container]:
        """The whole life of the pod; `during` is called as soon as the code runs."""
        agent = self._started("agent", [*OWN, "agent"], self._ours())
        try:
            if self._finished("fetch", self._started("fetch", [*OWN, "fetch"], self._ours())) == 0:
                user = self._started("user", self.code, self._theirs())
                if during is not None:
                    during(self, user)
                if self._finished("user", user) == 0:
                    self._finished("publish", self._started("publish", [*OWN, "publish"], self._ours()))
        finally:
            agent.send_signal(signal.SIGTERM)
            self._finished("agent", agent)
        return self.ended

    def named(self, name: str) -> Container:
        """A container by its name."""
        return next(c for c in self.ended if c.name == name)

    def _ours(self) -> dict[str, str]:
        return {
            **os.environ, **self.env, "POD_UID": self.uid, "PERENNIAL_RUN": str(self.run_folder),
            "PERENNIAL_PRIVATE": str(self.folder / "private"), "PERENNIAL_PROGRESS_PORT": "0",
            "TMPDIR": str(self.folder / "tmp"),
        }  # fmt: skip

    def _theirs(self) -> dict[str, str]:
        passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        return {**passed, "PERENNIAL_RUN": str(self.run_folder), "OMP_NUM_THREADS": "1"}

    def _started(self, name: str, command: list[str], env: Mapping[str, str]) -> subprocess.Popen[bytes]:
        told = {**env, "PERENNIAL_TERMINATION_LOG": str(self.folder / f"{name}.end")} if name != "user" else env
        with (self.folder / f"{name}.log").open("wb") as log:
            return subprocess.Popen(command, env=dict(told), stdout=log, stderr=subprocess.STDOUT)

    def _finished(self, name: str, process: subprocess.Popen[bytes]) -> int:
        code = process.wait(timeout=240)
        code = 128 - code if code < 0 else code
        end = self.folder / f"{name}.end"
        log = (self.folder / f"{name}.log").read_text(errors="replace")
        self.ended.append(Container(name, code, log, end.read_text() if end.exists() else log[-2000:]))
        return code


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"after {seconds:.0f} s it is still not so"
        time.sleep(0.05)
