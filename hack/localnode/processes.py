"""Starts and ends background programs. Ends only those it started: known by pid and start time, and by a mark in the
environment, so that neither a reused pid nor a script killed half-way leads to a wrong or a forgotten process."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from .failure import Failure

MARK = "PERENNIAL_CLUSTER"


@dataclass(frozen=True)
class Record:
    """A started process. `started` is field 22 of /proc/PID/stat; `command` is a digest of its arguments."""

    pid: int
    started: int
    command: str

    def is_live(self) -> bool:
        return start_time(self.pid) == self.started


def start_time(pid: int) -> int | None:
    """Clock ticks from boot to the start of the process; None if there is none or it is a zombie.

    A zombie whose other threads still run is none yet: they hold its ports.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" and int(fields[17]) <= 1 else int(fields[19])


class Processes:
    """The background programs of one cluster; records lie in `run`/pids, output goes to `logs`/NAME.log."""

    def __init__(self, run: Path, logs: Path) -> None:
        self._run, self._logs = run, logs
        self._pids = run / "pids"
        self._started: set[str] = set()

    def names(self) -> list[str]:
        """All recorded programs, live or not."""
        return sorted(path.name for path in self._pids.glob("*")) if self._pids.is_dir() else []

    def live(self, name: str) -> int | None:
        """The pid of the program if that very process still runs."""
        record = self._read(name)
        if record is None:
            return None
        with suppress(ChildProcessError):  # not our child but an earlier script's
            os.waitpid(record.pid, os.WNOHANG)
        return record.pid if record.is_live() else None

    def log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def ensure(self, name: str, command: Sequence[str], env: Mapping[str, str] | None = None) -> bool:
        """Start the program unless it runs with this very command; True if it was started now."""
        digest = hashlib.sha256(json.dumps(list(command)).encode()).hexdigest()
        record = self._read(name)
        if record is not None and record.is_live():
            if record.command == digest:
                return False
            self.stop(name)
        self._pids.mkdir(parents=True, exist_ok=True)
        self._logs.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, **(env or {}), MARK: str(self._run)}
        pid = _spawn(command, environment, self.log(name))
        self._started.add(name)
        fresh = Record(pid, start_time(pid) or 0, digest)
        (self._pids / name).write_text(json.dumps(asdict(fresh)))
        return True

    def stop(self, name: str, patience: float = 5.0) -> None:
        """End the program: TERM, and KILL after `patience` seconds. A program that is gone is fine."""
        record = self._read(name)
        if record is not None and record.is_live():
            os.kill(record.pid, signal.SIGTERM)
            if not _poll(lambda: self.live(name) is None, patience):
                os.kill(record.pid, signal.SIGKILL)
                _poll(lambda: self.live(name) is None, 5.0)
        self._started.discard(name)
        (self._pids / name).unlink(missing_ok=True)

    def kill_strays(self) -> int:
        """KILL what carries this cluster's mark and is not recorded; returns how many.

        Such processes are the children of daemons (containerd's shims) and those whose record was never written.
        """
        recorded = {record.pid for name in self.names() if (record := self._read(name)) is not None}
        strays = [pid for pid in marked(self._run) if pid not in recorded]
        for pid in strays:
            signal_if_there(pid, signal.SIGKILL)
        _poll(lambda: not any(start_time(pid) for pid in strays), 5.0)
        return len(strays)

    def wait(self, what: str, ready: Callable[[], bool], seconds: float) -> None:
        """Poll `ready` until it is true.

        Raises Failure after `seconds`, or at once when a program dies that this object started or that ran when the
        wait began, with the end of its log. One that was dead before is for a later `ensure`.
        """
        end = time.monotonic() + seconds
        watched = [name for name in self.names() if name in self._started or self.live(name) is not None]
        while not ready():
            for name in watched:
                if self.live(name) is None:
                    raise Failure(f"{name} died while waiting for {what}; {self._log_end(name)}")
            if time.monotonic() > end:
                raise Failure(f"{what} did not come true within {seconds:.0f} s; logs are in {self._logs}")
            time.sleep(0.05)

    def _log_end(self, name: str) -> str:
        path = self.log(name)
        lines = path.read_text(errors="replace").splitlines()[-6:] if path.exists() else []
        return f"the end of {path}:\n  " + "\n  ".join(line[:400] for line in lines)

    def _read(self, name: str) -> Record | None:
        try:
            return Record(**json.loads((self._pids / name).read_text()))
        except (OSError, ValueError, TypeError):
            return None


def _spawn(command: Sequence[str], environment: Mapping[str, str], log: Path) -> int:
    """A process in a session of its own, which outlives this one; that is why it is not a subprocess.Popen."""
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    files = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), append, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    return os.posix_spawnp(command[0], list(command), environment, file_actions=files, setsid=True)


def marked(run: Path) -> list[int]:
    """The pids whose environment carries the mark of the cluster with this run folder."""
    wanted = f"{MARK}={run}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                environment = (entry / "environ").read_bytes()
            except OSError:
                continue
            if wanted in environment.split(b"\0"):
                found.append(int(entry.name))
    return found


def signal_if_there(pid: int, number: signal.Signals) -> None:
    """Send a signal; a process that is gone already is fine."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _poll(done: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if done():
            return True
        time.sleep(0.03)
    return done()
