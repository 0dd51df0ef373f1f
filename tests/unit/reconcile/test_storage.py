"""Blocking calls stay off the loop and are bounded."""

import asyncio
import threading
import time

import pytest

from perennial.reconcile.storage import StoragePool


async def test_the_loop_goes_on_while_a_call_blocks() -> None:
    pool, beats = StoragePool(2), 0
    blocking = asyncio.ensure_future(pool.run(time.sleep, 0.2))
    while not blocking.done():
        beats += 1
        await asyncio.sleep(0.01)
    pool.close()
    assert beats > 5


async def test_no_more_calls_at_a_time_than_threads_and_results_and_errors_come_back() -> None:
    pool, at_once, most = StoragePool(3), [0], [0]
    lock = threading.Lock()

    def call(number: int, *, factor: int) -> int:
        with lock:
            at_once[0] += 1
            most[0] = max(most[0], at_once[0])
        time.sleep(0.01)
        with lock:
            at_once[0] -= 1
        if number == 19:
            raise ValueError("nineteen")
        return number * factor

    results = await asyncio.gather(*(pool.run(call, n, factor=2) for n in range(19)))
    with pytest.raises(ValueError, match="nineteen"):
        await pool.run(call, 19, factor=2)
    pool.close()
    assert results == [2 * n for n in range(19)]
    assert most[0] <= 3
