"""Copies of requests to the candidate: few at a time, counted in its arm, their answers never sent to a client."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from perennial.runtime.serving.metrics import Metrics
from perennial.runtime.serving.told import Told

MAX_COPIES = 64
"""Copies under way at once; more are dropped and counted."""


class Copy[A]:
    """One copy under way.

    Attributes:
        task: ends with the candidate's answer, None where there is none to compare.
    """

    def __init__(self, run: Callable[[asyncio.Future[bool]], Awaitable[A | None]]) -> None:
        loop = asyncio.get_running_loop()
        self._accepted: asyncio.Future[bool] = loop.create_future()
        self.task: asyncio.Task[A | None] = loop.create_task(_awaited(run(self._accepted)))

    def settle(self, *, accepted: bool) -> None:
        """This pod has looked at the same request; to be called once, whatever came of it."""
        self._accepted.set_result(accepted)


async def _awaited[A](run: Awaitable[A]) -> A:
    return await run


class Copies:
    """Copies requests.

    Args:
        count: told what came of each copy: hash slot, seconds, what the candidate told, and whether this pod
            accepted the same request (only asked where the candidate refused it).
    """

    def __init__(self, metrics: Metrics, count: Callable[[int, float, Told[Any], bool], None]) -> None:
        self._metrics = metrics
        self._count = count
        self._under_way: set[asyncio.Task[Any]] = set()

    def copy[A](self, ask: Callable[[], Awaitable[Told[A]]], slot: int) -> Copy[A] | None:
        """Send one copy. None: too many are under way."""
        if len(self._under_way) >= MAX_COPIES:
            self._metrics.add("mirror_dropped")
            return None
        self._metrics.add("mirrored")

        async def run(accepted: asyncio.Future[bool]) -> A | None:
            started = time.perf_counter()
            told = await ask()
            seconds = time.perf_counter() - started
            self._count(slot, seconds, told, told.refused and await accepted)
            return told.answer

        copy = Copy(run)
        self._under_way.add(copy.task)
        copy.task.add_done_callback(self._under_way.discard)
        return copy
