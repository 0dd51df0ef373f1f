import asyncio
import threading
import time

import numpy as np
import pytest

from perennial.runtime.serving.batching import Batcher, Outputs
from perennial.runtime.serving.errors import DeadlineExceeded, Invalid, Overloaded
from perennial.runtime.serving.inputs import Rows


def rows(*values: float) -> Rows:
    return Rows(len(values), matrix=np.array(values, dtype=np.float64).reshape(-1, 1))


class Doubler:
    """Doubles its rows; refuses batches that hold 13, takes as long as it is told."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.sizes: list[int] = []
        self.threads: set[str] = set()
        self.observed: list[tuple[int, list[int], list[int]]] = []

    def predict(self, batch: Rows, names: tuple[str, ...] | None) -> Outputs:
        assert batch.matrix is not None
        time.sleep(self.seconds)
        self.threads.add(threading.current_thread().name)
        if (batch.matrix == 13).any():
            raise Invalid("13")
        self.sizes.append(batch.count)
        return {"predict": batch.matrix[:, 0] * 2}

    def observe(self, batch: Rows, outputs: Outputs, slots: list[int], counts: list[int]) -> None:
        self.observed.append((batch.count, slots, counts))

    def batcher(self, **limits: float) -> Batcher:
        settings = {"max_rows": 100, "queue_size": 50, "timeout": 5.0, **limits}
        return Batcher(self.predict, self.observe, **settings)  # type: ignore[arg-type]


async def test_what_waits_in_one_turn_is_predicted_at_once_and_each_gets_its_own_rows() -> None:
    model = Doubler()
    batcher = model.batcher()
    answers = await asyncio.gather(*(batcher.submit(rows(i, i + 0.5), None, slot=i) for i in range(10)))
    assert model.sizes == [20]
    assert [a["predict"].tolist() for a in answers] == [[2.0 * i, 2.0 * i + 1] for i in range(10)]
    assert model.observed == [(20, list(range(10)), [2] * 10)]


async def test_batches_stay_within_their_rows_and_a_large_request_goes_alone() -> None:
    model = Doubler()
    batcher = model.batcher(max_rows=4)
    await asyncio.gather(*(batcher.submit(rows(*range(n)), None) for n in (3, 3, 9, 1, 2)))
    assert model.sizes == [3, 3, 9, 3]


async def test_requests_for_other_outputs_are_not_mixed() -> None:
    model = Doubler()
    batcher = model.batcher()
    await asyncio.gather(*(batcher.submit(rows(1), names) for names in (None, None, ("explain",), None)))
    assert model.sizes == [2, 1, 1]


async def test_one_bad_request_spoils_no_other() -> None:
    model = Doubler()
    batcher = model.batcher()
    results = await asyncio.gather(*(batcher.submit(rows(v), None) for v in (1, 13, 2)), return_exceptions=True)
    assert isinstance(results[1], Invalid)
    assert [r["predict"].tolist() for r in (results[0], results[2])] == [[2.0], [4.0]]  # type: ignore[index]
    assert [o[0] for o in model.observed] == [1, 1]


async def test_a_full_queue_refuses_and_the_rest_is_answered() -> None:
    batcher = Doubler().batcher(queue_size=3)
    futures = [batcher.submit(rows(i), None) for i in range(3)]
    with pytest.raises(Overloaded):
        batcher.submit(rows(9), None)
    assert len(await asyncio.gather(*futures)) == 3


async def test_a_slow_model_leaves_the_loop_and_the_loop_goes_on() -> None:
    model = Doubler(seconds=0.05)
    batcher = model.batcher()
    await batcher.submit(rows(1), None)
    started = time.monotonic()
    slow = asyncio.ensure_future(batcher.submit(rows(2), None))
    await asyncio.sleep(0)
    await asyncio.sleep(0.001)
    assert time.monotonic() - started < 0.04
    assert (await slow)["predict"].tolist() == [4.0]
    assert any(name.startswith("predict") for name in model.threads)
    batcher.close()


async def test_requests_past_their_deadline_are_told_so_even_while_they_are_predicted() -> None:
    model = Doubler(seconds=0.2)
    batcher = model.batcher(timeout=0.05)
    await batcher.submit(rows(1), None)
    futures = [batcher.submit(rows(i), None) for i in range(3)]
    await asyncio.sleep(0.08)
    assert batcher.expire(time.monotonic()) == 3
    for future in futures:
        with pytest.raises(DeadlineExceeded, match=r"0\.05 s"):
            await future
    batcher.close()
