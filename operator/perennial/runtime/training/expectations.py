"""`data.expectations`: what a person said must hold of the data, one checked line each. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from perennial.api.data import Expectation

SHOWN = 5
"""Offending values that a message lists."""


@dataclass(frozen=True)
class Check:
    """One line of the table of checks in the report."""

    subject: str  # column, or "rows"
    wanted: str
    found: str
    passed: bool


def checks(table: pa.Table, expectation: Expectation) -> list[Check]:
    """What one expectation asks, looked up in the table. Empty columns pass every check of values."""
    found: list[Check] = []
    if expectation.min_rows is not None:
        rows = table.num_rows
        found.append(Check("rows", f"at least {expectation.min_rows}", str(rows), rows >= expectation.min_rows))
    if expectation.column is None:
        return found
    name, column = expectation.column, table.column(expectation.column)
    if expectation.max_missing is not None:
        found.append(_missing(name, column, expectation.max_missing))
    if expectation.min is not None or expectation.max is not None:
        found.append(_range(name, column, expectation.min, expectation.max))
    if expectation.unique:
        repeated = len(column.drop_null()) - pc.count_distinct(column).as_py()
        found.append(Check(name, "each value once", f"{repeated} repeated", repeated == 0))
    if expectation.allowed is not None:
        found.append(_allowed(name, column, expectation.allowed))
    return found


def _missing(name: str, column: pa.ChunkedArray, most: float) -> Check:
    share = pc.sum(pc.is_null(column, nan_is_null=True)).as_py() / max(1, len(column))
    return Check(name, f"at most {most:.4g} missing", f"{share:.4g}", share <= most)


def _range(name: str, column: pa.ChunkedArray, low: float | None, high: float | None) -> Check:
    wanted = f"{'−∞' if low is None else f'{low:g}'} to {'∞' if high is None else f'{high:g}'}"
    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        return Check(name, wanted, f"a column of {kind}, not numbers", passed=False)
    numbers = column.cast(pa.float64(), safe=False)
    least, most = (pc.min_max(numbers)[side].as_py() for side in ("min", "max"))
    if least is None:
        return Check(name, wanted, "no values", passed=True)
    passed = (low is None or least >= low) and (high is None or most <= high)
    return Check(name, wanted, f"{least:g} to {most:g}", passed)


def _allowed(name: str, column: pa.ChunkedArray, allowed: Sequence[object]) -> Check:
    wanted = {_text(value) for value in allowed}
    values = {_text(value) for value in pc.unique(column.drop_null()).to_pylist()}
    strange = sorted(values - wanted)
    shown = ", ".join(strange[:SHOWN]) + (f", … ({len(strange)} in all)" if len(strange) > SHOWN else "")
    return Check(name, f"one of {', '.join(sorted(wanted))}", shown or "nothing else", not strange)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
