"""Mutated requests as raw bytes, and what came back for each."""

import errno
import random
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

ROW = [0.1, 0.2, 0.3, 0.4]
TENSOR = {"name": "x", "shape": [1, 4], "datatype": "FP64", "data": ROW}
GOOD = msgspec.json.encode({"inputs": [TENSOR]})
VALUES = [
    None, True, -1, 2**31, 2**63, 2**70, -(2**65), 1e308, "", "x", "ÿ", "\u0000", [], {}, [[]], [None], "9" * 400, 0.5,
    {"a": {"b": [1]}}, [[1, 2], [3]], "NaN", "Infinity", [1] * 1000, "../../etc/passwd", "<script>",
]  # fmt: skip
PATHS = [
    "/v2/models/flights/infer", "/v1/models/flights:predict", "/v2/models/flights/versions/7/infer",
    "/v2/models/%2e%2e/infer", "/v2/models/flights/infer/..", "/%00", "/v2/models/flights\x7f", "//", "/?" + "q" * 500,
    "/v2/repository/index", "*", "http://elsewhere/v2",
]  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What one connection got: status 0 means that it was closed without an answer."""

    status: int
    body: bytes
    sent: bytes


def requests(seed: int, count: int) -> Iterator[bytes]:
    """Mutated requests; the same ones for the same seed."""
    chooser = random.Random(seed)
    kinds = [_json, _json, _bytes, _binary, _head, _nested, _truncated]
    for _ in range(count):
        yield chooser.choice(kinds)(chooser)


def _post(body: bytes, path: str = "/v2/models/flights/infer", headers: bytes = b"") -> bytes:
    line = f"POST {path} HTTP/1.1\r\nhost: h\r\n".encode("latin-1")
    return line + b"content-length: %d\r\nconnection: close\r\n%s\r\n" % (len(body), headers) + body


def _json(chooser: random.Random) -> bytes:
    request = {"inputs": [dict(TENSOR)], "id": "a", "parameters": {}, "outputs": [{"name": "predict"}]}
    where = chooser.choice([request, request["inputs"][0]])
    where[chooser.choice(list(where))] = chooser.choice(VALUES)
    if chooser.random() < 0.3:
        where[str(chooser.choice(VALUES))[:50]] = chooser.choice(VALUES)
    path = chooser.choice(PATHS[:3])
    body = {"instances": chooser.choice([[ROW], *VALUES])} if "v1" in path else request
    return _post(msgspec.json.encode(body), path)


def _bytes(chooser: random.Random) -> bytes:
    body = bytearray(GOOD)
    for _ in range(chooser.randint(1, 8)):
        body[chooser.randrange(len(body))] = chooser.randrange(256)
    return _post(bytes(body))


def _binary(chooser: random.Random) -> bytes:
    size = chooser.choice([0, 8, 31, 32, 33, 2**40, -4, "32"])
    tensor = {**{k: v for k, v in TENSOR.items() if k != "data"}, "parameters": {"binary_data_size": size}}
    tensor["datatype"] = chooser.choice(["FP64", "BYTES", "BOOL", "FP16", "INT8", "UINT64"])
    head = msgspec.json.encode({"inputs": [tensor] * chooser.randint(1, 3)})
    length = chooser.choice([len(head), 0, len(head) - 1, 2**50, -1])
    return _post(head + chooser.randbytes(chooser.choice([0, 31, 32, 64])),
                 headers=b"inference-header-content-length: %d\r\n" % length)  # fmt: skip


def _head(chooser: random.Random) -> bytes:
    header = chooser.choice(
        [
            b"x: " + b"y" * 70_000 + b"\r\n",
            b"".join(b"h%d: v\r\n" % i for i in range(300)),
            b"content-length: 5\r\n",
            b"transfer-encoding: chunked\r\n",
            b"bad header\r\n",
            b"x: \x00\r\n",
            b"expect: 100-continue\r\n",
            b"upgrade: websocket\r\nconnection: upgrade\r\n",
        ]
    )
    return _post(GOOD, chooser.choice(PATHS), header)


def _nested(chooser: random.Random) -> bytes:
    depth = chooser.choice([10, 1000, 100_000])
    return _post(b'{"inputs":' + chooser.choice([b"[", b'{"a":']) * depth)


def _truncated(chooser: random.Random) -> bytes:
    return _post(GOOD[: chooser.randrange(len(GOOD))], chooser.choice(PATHS))


def send(port: int, request: bytes, seconds: float = 20) -> Outcome:
    """One request on a connection of its own, whose writing side is closed after it."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as sock:
        try:
            sock.sendall(request)
            sock.shutdown(socket.SHUT_WR)
            while chunk := sock.recv(65536):
                received += chunk
        except OSError as error:
            if error.errno not in (errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN):
                raise  # a reset is told by the answer that is missing
    lines = [line for line in received.split(b"\r\n") if line.startswith(b"HTTP/1.1 ") and b" 100 " not in line]
    status = int(lines[0].split(b" ")[1]) if lines else 0
    return Outcome(status, received.partition(b"\r\n\r\n")[2], request)
