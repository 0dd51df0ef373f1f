"""The door of the embedded store before a real SeaweedFS: what it lets through, and whom it tells of new identities."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from perennial.store import embedded
from perennial.store.tenancy import ADMIN, TENANT_ROLES, AccessKey, identity_name, seaweed_identities
from tests.support.s3 import s3_client
from tests.support.seaweedfs import SeaweedFS, free_ports

pytestmark = pytest.mark.s3

BUCKET = "perennial"


def config(*tenants: str) -> dict[str, Any]:
    names = [ADMIN, "operator", *(identity_name(role, t) for t in tenants for role in TENANT_ROLES)]
    return seaweed_identities(tenants, {name: AccessKey(f"AK{name}", f"secret-of-{name}") for name in names}, BUCKET)


def env(port: int, name: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": f"AK{name}",
        "AWS_SECRET_ACCESS_KEY": f"secret-of-{name}",
        "AWS_REGION": "us-east-1",
    }


def put(port: int, name: str, key: str) -> str:
    """What the store says to a write: `ok`, its error code, or that the door is closed."""
    try:
        s3_client(env(port, name)).put_object(Bucket=BUCKET, Key=key, Body=b"x" * 100_000)
    except ClientError as refused:
        return str(refused.response["Error"]["Code"])
    except BotoCoreError:
        return "closed"
    return "ok"


async def within(seconds: float, question: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if await asyncio.to_thread(question):
            return True
        await asyncio.sleep(0.2)
    return False


class Door:
    """A server of one tenant, x, with its door open."""

    def __init__(self, server: SeaweedFS, port: int, task: asyncio.Task[None]) -> None:
        self.server, self.port, self.task = server, port, task
        self.config = server.folder / "s3.json"

    async def put(self, name: str, key: str) -> str:
        return await asyncio.to_thread(put, self.port, name, key)


@pytest.fixture
async def door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Door]:
    monkeypatch.setattr(embedded, "LOOK_SECONDS", 0.2)
    server = await asyncio.to_thread(SeaweedFS(tmp_path, config=config("x")).start)
    (port,) = free_ports(1)
    inner = env(server.ports["s3"], ADMIN)
    task = asyncio.create_task(
        embedded.serve(BUCKET, tmp_path / "s3.json", inner, port=port, process=lambda: server.pid)
    )
    try:
        yield Door(server, port, task)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.to_thread(server.stop)


async def test_it_makes_the_bucket_and_lets_each_identity_through_to_its_own(door: Door) -> None:
    assert await within(30, lambda: put(door.port, "trainer-x", "registry/x/m/runs/a") == "ok")
    assert await door.put("trainer-x", "registry/y/m/runs/a") == "AccessDenied"


async def test_a_new_tenant_is_known_without_a_restart_and_the_old_one_stays(door: Door) -> None:
    assert await within(30, lambda: put(door.port, "trainer-x", "registry/x/m/runs/a") == "ok")
    before = door.server.pid
    assert await door.put("trainer-y", "registry/y/m/runs/a") == "InvalidAccessKeyId"
    door.config.write_text(json.dumps(config("x", "y")))
    assert await within(30, lambda: put(door.port, "trainer-y", "registry/y/m/runs/a") == "ok")
    assert await door.put("trainer-y", "registry/x/m/runs/a") == "AccessDenied"
    assert await door.put("trainer-x", "registry/x/m/runs/b") == "ok"
    os.kill(before or 0, 0)  # raises if that very process is gone


async def test_it_ends_at_once_though_a_client_keeps_its_connection_open(door: Door) -> None:
    assert await within(30, lambda: put(door.port, "trainer-x", "registry/x/m/runs/a") == "ok")
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(door.task, 5)
    writer.close()


async def test_a_client_that_ends_its_requests_still_gets_the_answer(door: Door) -> None:
    assert await within(30, lambda: put(door.port, "trainer-x", "registry/x/m/runs/a") == "ok")
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    writer.write_eof()
    assert (await asyncio.wait_for(reader.read(), 10)).startswith(b"HTTP/1.1 200")
    writer.close()


@pytest.mark.parametrize(
    ("before", "after", "sent"),
    [
        (("x",), ("x", "y"), signal.SIGHUP),
        (("x", "y"), ("x",), signal.SIGTERM),
        (("x",), ("y",), signal.SIGTERM),
    ],
)
def test_only_a_tenant_that_is_taken_away_costs_a_restart(
    before: tuple[str, ...], after: tuple[str, ...], sent: signal.Signals
) -> None:
    texts = [json.dumps(config(*tenants)).encode() for tenants in (before, after)]
    assert embedded.signal_for(*texts) == sent
