"""The forwarder on loopback: bytes both ways, half-closed connections, Services that move."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys

from hack.localnode import forwarder, network
from hack.localnode.forwarder import Target


async def _upper(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write((await reader.read()).upper())  # answers only after the client has closed its half
    await writer.drain()
    writer.close()


async def _ask(port: int, text: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(text)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def _through(target: Target, text: bytes) -> bytes:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    serving = asyncio.create_task(forwarder._serve(listener, target))
    try:
        return await asyncio.wait_for(_ask(port, text), 10)
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


def _no_look_up(namespace: str, name: str) -> str:
    raise AssertionError(f"{namespace}/{name} was looked up")


async def test_bytes_pass_both_ways_and_a_half_close_is_passed_on() -> None:
    async with await asyncio.start_server(_upper, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        text = b"abc" * 100_000
        assert await _through(Target(f"127.0.0.1:{port}", _no_look_up), text) == text.upper()


async def test_a_target_that_is_not_there_closes_the_connection() -> None:
    gone = network.free_ports(1)[0]
    assert await _through(Target(f"127.0.0.1:{gone}", _no_look_up), b"x") == b""


async def test_a_service_that_does_not_answer_is_looked_up_again() -> None:
    async with await asyncio.start_server(_upper, "127.0.0.2", 0) as server:
        port = server.sockets[0].getsockname()[1]
        addresses = iter(["127.0.0.3", "127.0.0.2"])  # nothing listens on the first
        target = Target(f"svc/default/web:{port}", lambda namespace, name: next(addresses))
        assert await _through(target, b"one") == b""
        assert await _through(target, b"two") == b"TWO"


def test_only_the_process_that_listens_is_said_to_listen() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            assert network.listens(os.getpid(), port)
            assert not network.listens(other.pid, port)
        assert not network.listens(os.getpid(), port)
        other.communicate(b"\n")
    assert not network.listens(other.pid, port)
