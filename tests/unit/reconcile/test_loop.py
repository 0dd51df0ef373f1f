"""The workers: every key gets its looks, whatever single ones do."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from types import SimpleNamespace

import pytest

from perennial.kube.errors import NamespaceTerminating
from perennial.observe.cache import Cache
from perennial.reconcile import loop as loop_module
from perennial.reconcile.context import Context, Key
from perennial.reconcile.loop import Loop

Looks = Counter[str]


def training(name: str) -> dict:
    meta = {"name": name, "namespace": "n", "uid": f"u-{name}", "resourceVersion": "1", "generation": 3}
    return {"apiVersion": "perennial.dev/v1alpha1", "kind": "ModelTraining", "metadata": meta}


def key(name: str) -> Key:
    return Key("ModelTraining", "n", name)


@asynccontextmanager
async def running(
    look: Callable[[Key, Context], Awaitable[float | None]], *names: str, workers: int = 4, resync: float = 600.0
) -> AsyncIterator[tuple[Loop, Context]]:
    """A loop with its workers, over a cache that holds these objects."""
    cache = Cache()
    for name in names:
        cache.upsert(training(name))
    loop = Loop({"ModelTraining": look}, workers=workers, resync=resync)
    rest = dict.fromkeys(("kube", "storage", "clock", "config"))
    context = Context(cache, enqueue=loop.enqueue, **rest)  # type: ignore[arg-type]
    task = asyncio.create_task(loop.run(context))
    try:
        yield loop, context
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(question: Callable[[], bool]) -> None:
    """Wait a little for something that must come."""
    async with asyncio.timeout(10):
        while not question():  # noqa: ASYNC110 - what is asked for signals nobody
            await asyncio.sleep(0.005)


async def test_every_key_is_looked_at_once() -> None:
    looks: Looks = Counter()

    async def look(k: Key, _: Context) -> None:
        looks[k.name] += 1

    names = [str(i) for i in range(200)]
    async with running(look, *names) as (loop, _):
        for name in names * 3:
            loop.enqueue(key(name))
        await until(lambda: len(looks) == 200)
        await asyncio.sleep(0.05)
    assert set(looks.values()) == {1}


async def test_no_more_workers_than_allowed_and_never_two_on_one_key() -> None:
    at_work: Looks = Counter()
    most, doubled = [0], []

    async def look(k: Key, _: Context) -> None:
        at_work[k.name] += 1
        most[0] = max(most[0], at_work.total())
        doubled.extend([k] if at_work[k.name] > 1 else [])
        await asyncio.sleep(0.01)
        at_work[k.name] -= 1

    names = [str(i) for i in range(10)]
    async with running(look, *names, workers=3) as (loop, _):
        for _ in range(5):
            for name in names:
                loop.enqueue(key(name))
            await asyncio.sleep(0.02)
        await until(lambda: loop.depth() == 0 and at_work.total() == 0)
    assert most[0] == 3
    assert doubled == []


async def test_a_look_says_when_the_next_one_is() -> None:
    looks: Looks = Counter()

    async def look(k: Key, _: Context) -> float | None:
        looks[k.name] += 1
        return 0.02 if looks[k.name] < 4 else None

    async with running(look, "a") as (loop, _):
        loop.enqueue(key("a"))
        await until(lambda: looks["a"] == 4)
        await asyncio.sleep(0.1)
    assert looks["a"] == 4


async def test_a_look_that_asks_for_another_key_gets_it() -> None:
    looks: Looks = Counter()

    async def look(k: Key, ctx: Context) -> None:
        looks[k.name] += 1
        if k.name == "a":
            ctx.enqueue(key("b"), 0.01)

    async with running(look, "a", "b") as (loop, _):
        loop.enqueue(key("a"))
        await until(lambda: looks == {"a": 1, "b": 1})


@pytest.mark.parametrize("error", [RuntimeError("boom"), KeyError("x"), NamespaceTerminating("gone", code=403)])
async def test_an_object_that_raises_backs_off_alone_and_is_logged_by_name(error, caplog) -> None:
    caplog.set_level("INFO")
    looks: Looks = Counter()

    async def look(k: Key, _: Context) -> None:
        looks[k.name] += 1
        if k.name == "poison":
            raise error

    async with running(look, "poison", "good", workers=1) as (loop, _):
        loop.enqueue(key("poison"))
        loop.enqueue(key("good"))
        await until(lambda: looks["poison"] >= 2 and looks["good"] == 1)
    assert looks["poison"] <= 3
    records = [SimpleNamespace(**r.__dict__) for r in caplog.records]
    assert {(r.object, r.generation) for r in records if hasattr(r, "object")} == {("ModelTraining n/poison", 3)}


async def test_a_look_that_hangs_is_given_up(monkeypatch) -> None:
    monkeypatch.setattr(loop_module, "LOOK_SECONDS", 0.05)
    looks: Looks = Counter()

    async def look(k: Key, _: Context) -> None:
        looks[k.name] += 1
        if k.name == "stuck":
            await asyncio.Event().wait()

    async with running(look, "stuck", "good", workers=1) as (loop, _):
        loop.enqueue(key("stuck"))
        loop.enqueue(key("good"))
        await until(lambda: looks["good"] == 1)


async def test_every_object_is_looked_at_again_after_a_while_and_one_that_is_gone_is_not() -> None:
    looks: Looks = Counter()

    async def look(k: Key, _: Context) -> None:
        looks[k.name] += 1

    async with running(look, "there", resync=0.05) as (loop, _):
        loop.enqueue(key("there"))
        loop.enqueue(key("gone"))
        await until(lambda: looks["there"] >= 3)
    assert looks["gone"] == 1


async def test_an_object_deleted_while_it_waits_is_looked_at_as_gone() -> None:
    seen: list[dict | None] = []
    blocked = asyncio.Event()

    async def look(k: Key, ctx: Context) -> None:
        if k.name == "first":
            await blocked.wait()
        seen.append(ctx.cache.get(k.kind, k.namespace, k.name))

    async with running(look, "first", "second", workers=1) as (loop, context):
        loop.enqueue(key("first"))
        loop.enqueue(key("second"))
        await asyncio.sleep(0.02)
        context.cache.remove("ModelTraining", "n", "second", "u-second")
        blocked.set()
        await until(lambda: len(seen) == 2)
    assert seen[1] is None
