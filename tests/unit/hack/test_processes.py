"""Only our own processes are ended, and all of them."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hack.localnode.processes import MARK, Processes, marked, start_time


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    made = Processes(tmp_path / "run", tmp_path / "log")
    yield made
    for name in made.names():
        made.stop(name, patience=0.1)


def test_a_program_runs_until_stopped(processes: Processes) -> None:
    assert processes.ensure("sleeper", ["sleep", "60"])
    pid = processes.live("sleeper")
    assert pid is not None
    processes.stop("sleeper")
    assert start_time(pid) is None
    assert processes.names() == []


def test_the_same_command_is_not_started_twice_and_another_replaces_it(processes: Processes) -> None:
    processes.ensure("sleeper", ["sleep", "60"])
    first = processes.live("sleeper")
    assert not processes.ensure("sleeper", ["sleep", "60"])
    assert processes.live("sleeper") == first
    assert processes.ensure("sleeper", ["sleep", "61"])
    assert first is not None
    assert start_time(first) is None


def test_a_program_that_ignores_the_polite_signal_is_killed(processes: Processes, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    processes.ensure("stubborn", ["sh", "-c", f"trap '' TERM; touch {ready}; while :; do sleep 0.1; done"])
    processes.wait("it ignores signals", ready.exists, 10)
    pid = processes.live("stubborn")
    assert pid is not None
    processes.stop("stubborn", patience=0.3)
    assert start_time(pid) is None


def test_a_reused_pid_is_never_signalled(processes: Processes, tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as stranger:
        record = {"pid": stranger.pid, "started": 1, "command": ""}
        (tmp_path / "run" / "pids").mkdir(parents=True)
        (tmp_path / "run" / "pids" / "old").write_text(json.dumps(record))
        assert processes.live("old") is None
        processes.stop("old")
        assert stranger.poll() is None
        stranger.kill()


def test_a_process_whose_record_was_never_written_is_found_by_its_mark(processes: Processes, tmp_path: Path) -> None:
    processes.ensure("sleeper", ["sleep", "60"])
    pid = processes.live("sleeper")
    (tmp_path / "run" / "pids" / "sleeper").unlink()
    assert marked(tmp_path / "run") == [pid]
    assert processes.kill_strays() == 1
    assert marked(tmp_path / "run") == []


def test_strays_of_another_cluster_are_left_alone(processes: Processes, tmp_path: Path) -> None:
    environment = os.environ | {MARK: str(tmp_path / "run-two")}
    with subprocess.Popen(["sleep", "60"], env=environment) as stranger:
        assert processes.kill_strays() == 0
        assert stranger.poll() is None
        stranger.kill()


def test_waiting_passes_over_what_was_dead_before(processes: Processes, tmp_path: Path) -> None:
    processes.ensure("brief", ["true"])
    while processes.live("brief") is not None:
        time.sleep(0.02)
    later = Processes(tmp_path / "run", tmp_path / "log")
    later.wait("now", iter([False, True]).__next__, 5)
