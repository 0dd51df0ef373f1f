"""One forwarder process: listens on 127.0.0.1 of the host, connects inside the node's network namespace.

The listening socket is opened first and stays in the host's namespace; then the process moves into the node's, so that
every connection it makes is made there. Pods gain no way out by it: nothing inside can reach the listener.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from . import network

_CHUNK = 1 << 16


class Target:
    """Where connections go. A Service's address is looked up on first use and again when it does not answer."""

    def __init__(self, text: str, look_up: Callable[[str, str], str]) -> None:
        place, _, port = text.rpartition(":")
        self._place, self._port, self._look_up = place, int(port), look_up
        self._known: str | None = None

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Raises OSError if the target is not there after a second look."""
        if not self._place.startswith("svc/"):
            return await asyncio.open_connection(self._place, self._port)
        if self._known is not None:
            with suppress(OSError, TimeoutError):
                return await self._open(self._known)
        _, namespace, name = self._place.split("/")
        self._known = await asyncio.to_thread(self._look_up, namespace, name)
        return await self._open(self._known)

    async def _open(self, address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.wait_for(asyncio.open_connection(address, self._port), timeout=2)


def cluster_ip(kubectl: str, kubeconfig: str, namespace: str, name: str) -> str:
    """The Service's ClusterIP.

    Raises ConnectionError if there is no such Service, or it has none.
    """
    command = [kubectl, f"--kubeconfig={kubeconfig}", "-n", namespace, "get", "service", name]
    run = subprocess.run([*command, "-o", "jsonpath={.spec.clusterIP}"], capture_output=True, text=True, check=False)
    if run.returncode != 0 or run.stdout in ("", "None"):
        raise ConnectionError(f"service {namespace}/{name}: {run.stderr.strip() or 'has no ClusterIP'}")
    return run.stdout


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
    with suppress(OSError):
        if writer.can_write_eof():
            writer.write_eof()


async def _serve(listener: socket.socket, target: Target) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await target.connect()
        except OSError as error:
            print(error, flush=True)  # into the forwarder's log; the client sees the connection close
            writer.close()
            return
        try:
            await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
        finally:
            far_writer.close()
            writer.close()

    server = await asyncio.start_server(handle, sock=listener)
    async with server:
        await server.serve_forever()


def main() -> None:
    """Run until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen", type=int, required=True)
    parser.add_argument("--target", required=True, help="ADDRESS:PORT or svc/NAMESPACE/NAME:PORT")
    parser.add_argument("--namespace", type=Path, required=True)
    parser.add_argument("--kubectl", required=True)
    parser.add_argument("--kubeconfig", required=True)
    parsed = parser.parse_args()
    listener = socket.create_server(("127.0.0.1", parsed.listen))
    network.enter(parsed.namespace)
    target = Target(
        parsed.target, lambda namespace, name: cluster_ip(parsed.kubectl, parsed.kubeconfig, namespace, name)
    )
    asyncio.run(_serve(listener, target))


if __name__ == "__main__":
    main()
