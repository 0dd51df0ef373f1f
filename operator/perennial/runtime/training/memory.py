"""How much memory a data set will need and how much there is, asked before a byte of it is fetched."""

import math
from pathlib import Path

from perennial.runtime.training.failures import DataRefused

MIB = 1024 * 1024
BASE = 400 * MIB
"""Interpreter and libraries of a trainer with its report drawn (measured: 330–390 MiB resident)."""

COPIES = 5.5
"""Peak over table size: the table as read, its canonical form, the encoded matrix, and what packaging compares.

Measured: 1,000,000 × 30 (250 MiB as a table) peaks at 1,680 MiB resident.
"""

NO_LIMIT = 1 << 60
"""Control group v1 writes a number near 2^63 where there is no limit."""


def limit(root: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Bytes that this process's control group may use (v2, then v1); None where there is no limit."""
    for file in (root / "memory.max", root / "memory/memory.limit_in_bytes"):
        try:
            text = file.read_text().strip()
        except OSError:
            continue
        return None if text == "max" or int(text) >= NO_LIMIT else int(text)
    return None


def peak(table_bytes: int) -> int:
    """Estimated peak of a run whose table takes `table_bytes` in memory."""
    return BASE + math.ceil(COPIES * table_bytes)


def require(table_bytes: int, *, what: str, available: int | None) -> None:
    """Refuse now rather than be killed later.

    Raises:
        DataRefused: the estimated peak is above `available`; the message names the limit to ask for.
    """
    needed = peak(table_bytes)
    if available is None or needed <= available:
        return
    ask = math.ceil(needed * 1.2 / (256 * MIB)) * 256
    raise DataRefused(
        f"{what} takes about {table_bytes // MIB} MiB as a table and the run about {needed // MIB} MiB, "
        f"but this pod may use {available // MIB} MiB; set spec.template.resources.limits.memory to {ask}Mi or more, "
        f"or read less: data.features.include, data.train.from/to",
        reason="MemoryLimitTooLow",
    )
