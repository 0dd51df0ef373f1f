"""Builds the node's programs from pinned Go modules into a cache and links them into one folder.

Resumable: a program whose key is in the cache is never built again, and a build that was cut off leaves nothing there.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

from . import host
from .catalogue import MODULES, Binary, select
from .failure import Failure
from .lock import exclusive
from .progress import heartbeat, say


def cache_dir() -> Path:
    """Where everything lies that may be deleted at any time and is only slow to make again."""
    override = os.environ.get("PERENNIAL_CACHE")
    if override:
        return Path(override)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "perennial"


def cached(binary: Binary) -> Path:
    """The place of the program in the cache, whether it is there or not."""
    return cache_dir() / "bin" / binary.key() / binary.name


def missing(names: Iterable[str]) -> list[Binary]:
    """The programs among `names` that have to be built."""
    return [binary for binary in select(tuple(names)) if not cached(binary).exists()]


def provide(names: Iterable[str], folder: Path) -> None:
    """Build what is missing and link all of `names` into `folder`, which callers put on PATH.

    Raises Failure if the tools for a build are missing or a build fails.
    """
    names = tuple(names)
    if missing(names):
        # A second build beside it would halve the speed of both.
        with exclusive(cache_dir() / "bin.lock", "a build of programs"):
            _build(missing(names))
    folder.mkdir(parents=True, exist_ok=True)
    for binary in select(names):
        _link(folder / binary.name, cached(binary))


def _link(link: Path, target: Path) -> None:
    if link.is_symlink() and os.readlink(link) == str(target):
        return
    fresh = link.with_name(f".{link.name}.{os.getpid()}")
    fresh.symlink_to(target)
    fresh.replace(link)


def _build(binaries: list[Binary]) -> None:
    if not binaries:
        return
    go = host.go_command()
    if any(binary.cgo for binary in binaries):
        host.require_packages(host.RUNC_BUILD)
    say(f"building {len(binaries)} programs from Go modules, {_minutes(sum(b.seconds for b in binaries))} if nothing")
    say(f"is cached yet; kept in {cache_dir() / 'bin'}")
    expected = spent = 0.0
    for number, binary in enumerate(binaries, 1):
        began = time.monotonic()
        with heartbeat(binary.name):
            _build_one(go, binary)
        took = time.monotonic() - began
        expected, spent = expected + binary.seconds, spent + took
        size = cached(binary).stat().st_size / 2**20
        left = sum(b.seconds for b in binaries[number:]) * spent / expected
        rest = f"{_minutes(left)} left" if number < len(binaries) else "done"
        say(f"  [{number:2}/{len(binaries)}] {binary.name:<24} {took:5.0f} s {size:5.0f} MiB   {rest}")


def _build_one(go: str, binary: Binary) -> None:
    target = cached(binary)
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{binary.name}.unfinished")
    command = [go, "build", "-o", str(unfinished), *binary.flags()]
    environment = os.environ | {"CGO_ENABLED": "1" if binary.cgo else "0", "GOFLAGS": ""}
    run = subprocess.run(
        command, cwd=MODULES / binary.module, env=environment, capture_output=True, text=True, check=False
    )
    if run.returncode != 0:
        tail = "\n".join(run.stderr.splitlines()[-15:])
        raise Failure(f"building {binary.name} failed in {MODULES / binary.module}: {' '.join(command)}\n{tail}")
    unfinished.replace(target)


def _minutes(seconds: float) -> str:
    return f"about {seconds / 60:.0f} min" if seconds >= 90 else f"about {seconds:.0f} s"
