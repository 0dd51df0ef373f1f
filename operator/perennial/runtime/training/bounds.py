"""Row bounds on the time column, and the one reading of time columns that stages share."""

import numpy as np
import pandas as pd
import pyarrow as pa

from perennial.runtime.training.failures import DataRefused


def within(table: pa.Table, column: str | None, start: str | None, end: str | None) -> pa.Table:
    """Rows with start ≤ time < end. Rows without a time are left out as soon as a bound is given.

    Raises:
        DataRefused: bounds without a time column, or a time column that holds no times.
    """
    if start is None and end is None:
        return table
    if column is None:
        raise DataRefused(
            "data.train.from/to bound rows by time, but data.features.timeColumn is not set; set it or drop the bounds",
            reason="TimeColumnMissing",
        )
    kind = table.schema.field(column).type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        raise _no_times(column, f"it holds {kind}, which data.train.from/to cannot be compared with")
    moments = nanoseconds(table, column)
    keep = ~np.isnat(moments)
    if start is not None:
        keep &= moments >= moment(start, "from")
    if end is not None:
        keep &= moments < moment(end, "to")
    return table.filter(pa.array(keep))


def nanoseconds(table: pa.Table, column: str) -> np.ndarray:
    """The time column as datetime64[ns], UTC; NaT where missing. Plain numbers are kept as steps of 1 ns.

    Raises:
        DataRefused: the column holds neither times nor numbers.
    """
    values = table.column(column)
    kind = values.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return _from_numbers(values)
    if pa.types.is_string(kind) or pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        try:
            series = values.to_pandas() if not pa.types.is_date(kind) else values.cast(pa.timestamp("s")).to_pandas()
            parsed = pd.to_datetime(series, utc=True, format="ISO8601" if pa.types.is_string(kind) else None)
            return np.asarray(parsed.dt.tz_convert(None).to_numpy("datetime64[ns]"))
        except (ValueError, OverflowError, pa.ArrowException) as error:
            raise _no_times(column, str(error).splitlines()[0][:120]) from error
    raise _no_times(column, f"its type is {kind}")


def _from_numbers(values: pa.ChunkedArray) -> np.ndarray:
    numbers = values.cast(pa.float64()).to_numpy()
    out = np.full(len(numbers), np.datetime64("NaT"), dtype="datetime64[ns]")
    whole = np.isfinite(numbers) & (np.abs(numbers) < 2.0**62)
    out[whole] = numbers[whole].astype(np.int64).astype("datetime64[ns]")
    return out


def moment(text: str, field: str) -> np.datetime64:
    """ISO 8601 text as UTC; without a zone it is UTC.

    Raises:
        DataRefused: it is no time; the message names the field.
    """
    try:
        found = pd.Timestamp(text)
        return np.datetime64((found.tz_convert("UTC").tz_localize(None) if found.tz else found).to_datetime64())
    except ValueError as error:
        raise DataRefused(
            f"data.train.{field} is {text!r}, which is no time; write it like 2026-01-31T00:00:00Z",
            reason="BadBound",
        ) from error


def _no_times(column: str, detail: str) -> DataRefused:
    return DataRefused(
        f"data.features.timeColumn: the column {column!r} holds no times ({detail}); "
        f"use a timestamp, a date, ISO 8601 text or a number that grows with time",
        reason="TimeColumnUnusable",
    )
