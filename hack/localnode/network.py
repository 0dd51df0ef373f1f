"""Network namespaces: makes and removes the node's sealed one, and runs code inside it. Not for proxy rules or pods'
interfaces, which kube-proxy and the CNI plugins make."""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from .failure import Failure

NODE_IP = "10.77.0.1"
SERVICES = "10.96.0.0/16"
API_SERVICE_IP = "10.96.0.1"  # the first address of the range, by Kubernetes' own rule
PODS = "10.244.0.0/24"
_CLONE_NEWNET = 0x40000000

Result = TypeVar("Result")


def enter(namespace: Path) -> None:
    """Move the calling thread into the network namespace; sockets it has open stay where they were made."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(namespace, os.O_RDONLY)
    try:
        if libc.setns(descriptor, _CLONE_NEWNET) != 0:
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error), str(namespace))
    finally:
        os.close(descriptor)


def inside(namespace: Path | None, work: Callable[[], Result]) -> Result:
    """Call `work` in a thread of its own inside the namespace; None calls it right here."""
    if namespace is None:
        return work()
    results: list[Result] = []
    errors: list[BaseException] = []

    def body() -> None:
        try:
            enter(namespace)
            results.append(work())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def prefix(namespace: Path | None) -> list[str]:
    """What to put before a command so that it runs inside the namespace."""
    return [] if namespace is None else ["nsenter", f"--net={namespace}", "--"]


def free_ports(count: int) -> list[int]:
    """TCP ports of 127.0.0.1 that nothing listens on, all different."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def is_free(port: int) -> bool:
    """Whether 127.0.0.1:port could be listened on now."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def listens(pid: int, port: int) -> bool:
    """Whether that very process listens on this port of 127.0.0.1.

    A connection would not tell: it may reach a predecessor whose threads are not all gone, or itself, where the port is
    one of those that the kernel gives to clients.
    """
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    inodes = {row[9] for row in rows if row[3] == "0A" and int(row[1].partition(":")[2], 16) == port}
    return bool(inodes & _sockets(pid))


def _sockets(pid: int) -> set[str]:
    """Inodes of a process's open sockets; empty when it is gone."""
    held: set[str] = set()
    with suppress(FileNotFoundError):
        for path in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # closed in this moment
                kind, _, rest = os.readlink(path).partition(":[")
                held |= {rest.rstrip("]")} if kind == "socket" else set()
    return held


def create(namespace: Path) -> None:
    """Make the namespace without any way out: no link to the host, no default route. Idempotent.

    A bridge without ports holds the node's address (not every kernel has dummy devices) and is the route of the service
    range: packets that no proxy rule takes end there.
    """
    if not namespace.exists():
        _run(["ip", "netns", "add", namespace.name])
    within = prefix(namespace)
    _run([*within, "ip", "link", "set", "lo", "up"])
    if subprocess.run([*within, "ip", "link", "show", "kube0"], capture_output=True, check=False).returncode != 0:
        _run([*within, "ip", "link", "add", "kube0", "type", "bridge"])
    _run([*within, "ip", "addr", "replace", f"{NODE_IP}/32", "dev", "kube0"])
    _run([*within, "ip", "link", "set", "kube0", "up"])
    _run([*within, "ip", "route", "replace", SERVICES, "dev", "kube0", "src", NODE_IP])
    inside(namespace, lambda: Path("/proc/sys/net/ipv4/ip_forward").write_text("1"))


def remove(namespace: Path) -> None:
    """Delete the namespace and with it all links, routes and proxy rules. Idempotent."""
    if namespace.exists():
        _run(["ip", "netns", "delete", namespace.name])


def _run(command: list[str]) -> None:
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise Failure(f"{' '.join(command)}: {run.stderr.strip()}")
