"""Requests that are the candidate's to answer: how long a client waits, and what is counted when the answer is late."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from perennial.runtime.serving import forwarding
from perennial.runtime.serving.forwarding import Forwarding
from perennial.runtime.serving.patience import KEPT, LEAST_SECONDS, Patience
from perennial.runtime.serving.told import Told


@dataclass
class Counted:
    """What was counted, in order: answer or None, accepted, late, timeout."""

    seen: list[tuple[Any, bool, bool, bool]] = field(default_factory=list)

    def __call__(self, seconds: float, told: Told[Any], *, accepted: bool, late: bool) -> None:
        assert seconds >= 0
        self.seen.append((told.answer, accepted, late, told.timeout))


IMPATIENT = Patience(0.02)
PATIENT = Patience(600.0)


def test_a_client_waits_5_seconds_or_half_the_limit_where_this_pod_is_quick() -> None:
    assert (Patience(30.0).seconds, Patience(4.0).seconds) == (LEAST_SECONDS, 2.0)


def test_a_client_of_a_slow_model_waits_twice_as_long_as_it_needs_but_never_beyond_the_limit() -> None:
    patience = Patience(30.0)
    patience.answered(8.0)
    assert patience.seconds == 16.0
    patience.answered(29.0)
    assert patience.seconds == 30.0
    for _ in range(KEPT):
        patience.answered(0.01)
    assert patience.seconds == LEAST_SECONDS


@pytest.mark.parametrize("told", [Told("yes"), Told(), Told(timeout=True)])
async def test_what_comes_in_time_is_counted_at_once(told: Told[str]) -> None:
    async def ask() -> Told[str]:
        return told

    counted = Counted()
    forwarded = await Forwarding(PATIENT).forward(ask(), counted)
    assert forwarded.answer == told.answer
    forwarded.settle(True)
    assert counted.seen == [(told.answer, True, False, told.timeout)]


@pytest.mark.parametrize("accepted", [True, False])
async def test_a_refusal_is_counted_when_this_pod_has_looked_at_the_request(accepted: bool) -> None:
    async def ask() -> Told[str]:
        return Told(refused=True)

    counted = Counted()
    forwarded = await Forwarding(PATIENT).forward(ask(), counted)
    assert (forwarded.answer, counted.seen) == (None, [])
    forwarded.settle(accepted)
    assert counted.seen == [(None, accepted, False, False)]


@pytest.mark.parametrize("told", [Told("slow but right"), Told(refused=True), Told(timeout=True)])
async def test_an_answer_that_a_client_did_not_wait_for_is_still_counted(told: Told[str]) -> None:
    comes = asyncio.Event()

    async def ask() -> Told[str]:
        await comes.wait()
        return told

    counted, under_test = Counted(), Forwarding(IMPATIENT)
    forwarded = await under_test.forward(ask(), counted)
    assert (forwarded.answer, counted.seen) == (None, [])
    forwarded.settle(True)
    comes.set()
    await asyncio.gather(*under_test._late)
    assert counted.seen == [(told.answer, told.refused, True, told.timeout)]


async def test_so_many_late_answers_are_waited_for_and_the_rest_are_given_up_as_errors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(forwarding, "MAX_LATE", 1)
    comes = asyncio.Event()
    given_up: list[int] = []

    async def ask(number: int) -> Told[str]:
        try:
            await comes.wait()
        except asyncio.CancelledError:
            given_up.append(number)
            raise
        return Told("late")

    counted, under_test = Counted(), Forwarding(IMPATIENT)
    for number in range(2):
        await under_test.forward(ask(number), counted)
    assert counted.seen == [(None, True, True, True)]
    comes.set()
    await asyncio.gather(*under_test._late)
    assert given_up == [1]
    assert counted.seen[1:] == [("late", False, True, False)]


async def test_a_client_that_goes_takes_its_request_along() -> None:
    asked = asyncio.Event()
    ended: list[str] = []

    async def ask() -> Told[str]:
        asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")
        return Told()

    counted = Counted()
    client = asyncio.create_task(Forwarding(PATIENT).forward(ask(), counted))
    await asked.wait()
    client.cancel()
    await asyncio.gather(client, return_exceptions=True)
    await asyncio.sleep(0)
    assert (ended, counted.seen) == (["cancelled"], [])
