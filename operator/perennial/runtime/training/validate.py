"""Stage 3, validate: what must be true of the data before a second of training, and the table that shows it.

Leakage is looked for after fitting (`leakage.py`), for it needs the full model's skill.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from perennial.runtime.training import columns, expectations
from perennial.runtime.training.bounds import nanoseconds
from perennial.runtime.training.expectations import Check
from perennial.runtime.training.failures import DataRefused
from perennial.runtime.training.request import Request
from perennial.runtime.training.target import Target, understand

MOST_FAULTS = 5
"""Failed expectations that a message lists."""


@dataclass(frozen=True)
class Validated:
    """Data that can be learned from."""

    table: pa.Table  # without rows whose target is missing
    target: Target
    checks: list[Check]
    warnings: list[str]
    dropped: int  # rows whose target was missing
    holdout_rows: int = 0  # of a hold-out of its own, at the table's end


def validate(table: pa.Table, request: Request, *, kind: str, holdout_rows: int = 0) -> Validated:
    """Check the data against spec and estimator.

    Args:
        table: all rows; the last `holdout_rows` came from `data.holdout.uri`.
        kind: `classifier`, `regressor` or `outlier_detector`.

    Raises:
        DataRefused: a check failed; the message names column and value and says what to do.
    """
    done = [check for e in request.expectations for check in expectations.checks(table, e)]
    _refuse_failed(done)
    labelled, kept_holdout = _labelled(table, request.target, holdout_rows)
    dropped = table.num_rows - labelled.num_rows
    features = columns.features_of(request, labelled.column_names)
    done += _features(labelled, features)
    _refuse_failed(done)
    column = labelled.column(request.target) if request.target else None
    target = understand(column, name=request.target, kind=kind, positive=request.positive_class)
    _refuse_weights(labelled, request.features.sample_weight_column)
    warnings = [*_dropped(dropped, request.target), *_ids(labelled, request), *_times(labelled, request)]
    return Validated(labelled, target, done, warnings, dropped, kept_holdout)


def _refuse_failed(done: Sequence[Check]) -> None:
    failed = [check for check in done if not check.passed]
    if not failed:
        return
    shown = "; ".join(f"{c.subject}: expected {c.wanted}, found {c.found}" for c in failed[:MOST_FAULTS])
    more = f" (and {len(failed) - MOST_FAULTS} more)" if len(failed) > MOST_FAULTS else ""
    raise DataRefused(
        f"the data does not hold what is expected of it: {shown}{more}; correct the data, or data.expectations "
        f"and data.features.exclude",
        reason="ExpectationFailed",
    )


def _labelled(table: pa.Table, target: str | None, holdout_rows: int) -> tuple[pa.Table, int]:
    """Rows that have a target, and how many of the separate hold-out's rows are left."""
    if target is None:
        return table, holdout_rows
    present = np.asarray(pc.invert(pc.is_null(table.column(target), nan_is_null=True)))
    if not present.any():
        raise DataRefused(
            f"data.target {target!r} is missing in all {table.num_rows} rows; name another column, or bring labels",
            reason="TargetUnusable",
        )
    kept = int(present[table.num_rows - holdout_rows :].sum()) if holdout_rows else 0
    return table if present.all() else table.filter(pa.array(present)), kept


def _features(table: pa.Table, features: Sequence[str]) -> list[Check]:
    """Every feature has some value, and no infinite one (a server could not be sent it as JSON)."""
    done = []
    for name in features:
        column = table.column(name)
        missing = pc.sum(pc.is_null(column, nan_is_null=True)).as_py() or 0
        done.append(Check(name, "some value", f"{missing} of {len(column)} missing", missing < len(column)))
        if pa.types.is_floating(column.type):
            infinite = pc.sum(pc.is_inf(column)).as_py() or 0
            done.append(Check(name, "finite numbers", f"{infinite} infinite", infinite == 0))
    return done


def _refuse_weights(table: pa.Table, name: str | None) -> None:
    if name is None:
        return
    column = table.column(name)
    numeric = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
    weights = np.asarray(column.cast(pa.float64(), safe=False)) if numeric else np.array([np.nan])
    if not (np.isfinite(weights).all() and (weights >= 0).all() and (weights > 0).any()):
        raise DataRefused(
            f"data.features.sampleWeightColumn {name!r} must hold a number ≥ 0 in every row, and not only zeros; "
            f"it is {column.type} with a value that is not",
            reason="WeightsUnusable",
        )


def _dropped(dropped: int, target: str | None) -> list[str]:
    return [f"{dropped} rows without a value of the target {target!r} were left out"] if dropped else []


def _ids(table: pa.Table, request: Request) -> list[str]:
    name = request.features.id_column
    if name is None:
        return []
    column = table.column(name)
    repeated = len(column.drop_null()) - pc.count_distinct(column).as_py()
    return [f"the id column {name!r} repeats: {repeated} rows have an id that another row has"] if repeated else []


def _times(table: pa.Table, request: Request) -> list[str]:
    name = request.features.time_column
    if name is None:
        return []
    lost = int(np.isnat(nanoseconds(table, name)).sum())
    return [f"{lost} rows have no time in {name!r}; they are in the training part"] if lost else []


def with_warnings(validated: Validated, warnings: Sequence[str]) -> Validated:
    """The same with further warnings."""
    return replace(validated, warnings=[*validated.warnings, *warnings])
