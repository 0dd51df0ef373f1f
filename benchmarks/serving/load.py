"""wrk as the load: a fixed number of connections for a fixed time, on its own core."""

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.serving.artifact import FEATURES

_SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "{kind}"
{extra}
local file = io.open("{body}", "rb"); wrk.body = file:read("*a"); file:close()
"""
_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}


@dataclass(frozen=True)
class Measured:
    """One run of wrk."""

    requests_per_second: float
    p50_ms: float
    p99_ms: float
    errors: int
    requests: int


def body(rows: int, binary: bool) -> tuple[bytes, int | None]:
    """A V2 request of one 2-D tensor; the length of its JSON part when the tensor is binary."""
    values = np.random.default_rng(1).normal(size=(rows, FEATURES)).round(4)
    tensor = {"name": "x", "shape": [rows, FEATURES], "datatype": "FP64"}
    if not binary:
        return json.dumps({"inputs": [{**tensor, "data": values.ravel().tolist()}]}).encode(), None
    raw = values.tobytes()
    head = json.dumps({"inputs": [{**tensor, "parameters": {"binary_data_size": len(raw)}}]}).encode()
    return head + raw, len(head)


def measure(url: str, rows: int, *, seconds: int, core: int, folder: Path, binary: bool = False) -> Measured:
    """Requests per second and latency at 16 connections.

    Raises:
        RuntimeError: wrk says something that is not understood.
    """
    content, length = body(rows, binary)
    (folder / "body").write_bytes(content)
    extra = f'wrk.headers["Inference-Header-Content-Length"] = "{length}"' if binary else ""
    kind = "application/octet-stream" if binary else "application/json"
    script = folder / "post.lua"
    script.write_text(_SCRIPT.format(kind=kind, extra=extra, body=folder / "body"))
    command = ["taskset", "-c", str(core), "wrk", "-t1", "-c16", f"-d{seconds}s", "--latency", "-s", str(script), url]
    text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 60).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    served = re.search(r"(\d+) requests in", text)
    if rate is None or served is None:
        raise RuntimeError(text)
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    return Measured(
        float(rate[1]), _latency(text, "50%"), _latency(text, "99%"), int(failed[1]) if failed else 0, int(served[1])
    )


def _latency(text: str, name: str) -> float:
    found = re.search(rf"{re.escape(name)}\s+([\d.]+)(us|ms|s|m)", text)
    return float(found[1]) * _UNITS[found[2]] if found else float("nan")
