"""A request that is the candidate's to answer, for as long as a client waits; what it says later is still counted."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Protocol

from perennial.runtime.serving.patience import Patience
from perennial.runtime.serving.told import Told

MAX_LATE = 256
"""Answers waited for when their client has another one; more are given up, and are the candidate's errors."""


class Count(Protocol):
    """Told what came of a request in the end.

    Args:
        seconds: until the candidate's answer was there.
        told: what it told.
        accepted: this pod accepted the same request; matters where the candidate refused it.
        late: the client has this pod's answer.
    """

    def __call__(self, seconds: float, told: Told[Any], *, accepted: bool, late: bool) -> None:
        """Count it."""


class Forwarded[A](NamedTuple):
    """What came of forwarding.

    Args:
        answer: the candidate's; None: this pod must answer.
        settle: to be called once when this pod had to answer: whether it accepted the request.
    """

    answer: A | None
    settle: Callable[[bool], None]


class Forwarding:
    """Forwards requests.

    Args:
        patience: how long a client waits.
    """

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._late: set[asyncio.Task[None]] = set()

    async def forward[A](self, ask: Awaitable[Told[A]], count: Count) -> Forwarded[A]:
        """The candidate's answer, if it comes in time. Counted once, whenever that is."""
        started = time.perf_counter()
        asking = asyncio.ensure_future(ask)
        try:
            await asyncio.wait((asking,), timeout=self._patience.seconds)
        except asyncio.CancelledError:
            asking.cancel()
            raise
        if not asking.done():
            return self._too_late(asking, count, started)
        told, seconds = asking.result(), time.perf_counter() - started
        if told.refused:
            return Forwarded(None, lambda accepted: count(seconds, told, accepted=accepted, late=False))
        count(seconds, told, accepted=True, late=False)
        return Forwarded(told.answer, _counted)

    def _too_late[A](self, asking: asyncio.Future[Told[A]], count: Count, started: float) -> Forwarded[A]:
        if len(self._late) >= MAX_LATE:
            asking.cancel()
            count(time.perf_counter() - started, Told(timeout=True), accepted=True, late=True)
            return Forwarded(None, _counted)
        loop = asyncio.get_running_loop()
        looked: asyncio.Future[bool] = loop.create_future()
        waiting = loop.create_task(_await(asking, looked, count, started))
        self._late.add(waiting)
        waiting.add_done_callback(self._late.discard)
        return Forwarded(None, looked.set_result)


async def _await[A](
    asking: asyncio.Future[Told[A]], looked: asyncio.Future[bool], count: Count, started: float
) -> None:
    told = await asking
    seconds = time.perf_counter() - started
    count(seconds, told, accepted=told.refused and await looked, late=True)


def _counted(accepted: bool) -> None:
    """Nothing is left to be counted."""
