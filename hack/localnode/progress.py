"""Lines of progress on standard error: what is being done, and how long it took."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


def say(message: str) -> None:
    """Print one line at once, also into a pipe."""
    print(message, file=sys.stderr, flush=True)


@contextmanager
def step(title: str) -> Iterator[None]:
    """Time the block and print its seconds when it ends well."""
    began = time.monotonic()
    yield
    say(f"  {title:<42} {time.monotonic() - began:6.1f} s")


@contextmanager
def heartbeat(title: str, every: float = 30.0) -> Iterator[None]:
    """Print a sign of life every `every` seconds while the block runs."""
    ended = threading.Event()

    def beat() -> None:
        began = time.monotonic()
        while not ended.wait(every):
            say(f"  … {title}, {time.monotonic() - began:.0f} s so far")

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
