"""A process that no longer does its work ends."""

import asyncio
import threading
import time
from contextlib import suppress

from perennial.handlers.supervisor import Supervisor


async def sleeper() -> None:
    await asyncio.Event().wait()


async def stopped(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_a_watcher_that_has_ended_ends_the_process_and_one_that_never_came_does_not() -> None:
    ended = threading.Event()
    supervisor = Supervisor({"watcher a": "A", "watcher b": "B"}, check=0.05, end=ended.set)
    watcher = asyncio.create_task(sleeper(), name="watcher a")
    running = asyncio.create_task(supervisor.run())
    await asyncio.sleep(1.2)
    assert supervisor.missing() == ["B"]
    assert not ended.is_set()
    await stopped(watcher)
    assert await asyncio.to_thread(ended.wait, 5)
    await stopped(running)


async def test_a_stuck_loop_ends_the_process_from_outside_of_it() -> None:
    ended = threading.Event()
    supervisor = Supervisor({}, stuck=0.6, end=ended.set)
    running = asyncio.create_task(supervisor.run())
    await asyncio.sleep(1.0)
    assert supervisor.alive()
    assert not ended.is_set()
    time.sleep(1.5)  # noqa: ASYNC251 - this is the fault
    assert ended.is_set()
    assert supervisor.longest_lag < 5
    await asyncio.sleep(0.3)
    assert supervisor.longest_lag > 1.0
    await stopped(running)
