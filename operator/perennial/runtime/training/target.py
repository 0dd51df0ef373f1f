"""The target column: which task it makes together with the estimator, its classes, and what would make no sense.

Not for encoding it (`runtime.artifacts.encode_target`).
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from perennial.api.records.run import TaskType
from perennial.runtime.artifacts import classes_of
from perennial.runtime.training.failures import DataRefused, nearest
from perennial.runtime.training.request import Request

MOST_CLASSES = 100
MOST_GUESSED_CLASSES = 20
"""Whole numbers with more distinct values are taken for amounts where nobody says what they are."""
LEAST_ROWS_OF_A_CLASS = 10
POSITIVE_WORDS = ("true", "yes", "1", "y")


@dataclass(frozen=True)
class Target:
    """What is predicted."""

    task: TaskType
    classes: list[Any] | None = None  # JSON values in the order of the codes; binary: negative, positive
    positive: Any | None = None


def understand(column: pa.ChunkedArray | None, *, name: str | None, kind: str, positive: str | None) -> Target:
    """Fit the target column to the kind of estimator.

    Args:
        column: the target without missing values; None for outlier detection without one.
        name: its name, for messages.
        kind: `classifier`, `regressor` or `outlier_detector`.
        positive: `data.positiveClass` as text.

    Raises:
        DataRefused: they do not fit each other; the message says what to change.
    """
    if kind == "outlier_detector":
        return _outlier(column, name, positive)
    if column is None:
        raise _refused("data.target is not set, but a " + kind + " needs one; name the column to predict")
    if kind == "regressor":
        return _regression(column, name)
    return _classification(column, name, positive)


def kind_of(request: Request, table: pa.Table) -> str:
    """What is learnt; where the spec does not say it, numbers with fractions or many values are a regression's."""
    if request.kind is not None:
        return request.kind
    assert request.target is not None  # noqa: S101  without a target the kind is known
    column = table.column(request.target)
    number = pa.types.is_floating(column.type) or pa.types.is_integer(column.type) or pa.types.is_decimal(column.type)
    if not number:
        return "classifier"
    values = np.asarray(column.drop_null().cast(pa.float64(), safe=False))
    whole = bool(np.all(values == np.trunc(values)))
    return "classifier" if whole and len(np.unique(values)) <= MOST_GUESSED_CLASSES else "regressor"


def _regression(column: pa.ChunkedArray, name: str | None) -> Target:
    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        raise _refused(
            f"data.target {name!r} holds {kind}, but the estimator is a regressor and predicts numbers; "
            f"choose a classifier, or another target"
        )
    numbers = np.asarray(column.cast(pa.float64(), safe=False))
    if not np.isfinite(numbers).all():
        raise _refused(f"data.target {name!r} holds {int((~np.isfinite(numbers)).sum())} infinite values; remove them")
    if numbers.min() == numbers.max():
        raise _constant(name, numbers[0])
    return Target("Regression")


def _classification(column: pa.ChunkedArray, name: str | None, positive: str | None) -> Target:
    if pa.types.is_floating(column.type) and not np.all(np.asarray(column) == np.trunc(np.asarray(column))):
        raise _refused(
            f"data.target {name!r} holds numbers with fractions, but the estimator is a classifier; "
            f"choose a regressor, or make classes of the numbers"
        )
    if pa.types.is_nested(column.type) or pa.types.is_binary(column.type) or pa.types.is_temporal(column.type):
        raise _refused(f"data.target {name!r} holds {column.type}, which is no class; use text, numbers or booleans")
    distinct = pc.count_distinct(column).as_py()
    if distinct > MOST_CLASSES:
        raise _refused(
            f"data.target {name!r} has {distinct} distinct values, more than the {MOST_CLASSES} classes a classifier "
            f"may have; choose a regressor, or fold rare classes together"
        )
    classes = classes_of(column, name or "target")
    if len(classes) < 2:
        raise _constant(name, classes[0] if classes else None)
    _refuse_rare(column, name)
    if len(classes) > 2:
        return Target("Multiclass", classes)
    chosen = _positive(classes, name, positive)
    return Target("Binary", [next(c for c in classes if c != chosen), chosen], chosen)


def _refuse_rare(column: pa.ChunkedArray, name: str | None) -> None:
    counts = Counter({str(c["values"]): c["counts"] for c in pc.value_counts(column).to_pylist()})
    label, rows = min(counts.items(), key=lambda item: (item[1], item[0]))
    if rows < LEAST_ROWS_OF_A_CLASS:
        raise _refused(
            f"data.target {name!r}: the class {label!r} has {rows} rows, fewer than the {LEAST_ROWS_OF_A_CLASS} "
            f"that are needed to learn and judge it; bring more rows, or fold it into another class"
        )


def _positive(classes: list[Any], name: str | None, positive: str | None) -> Any:
    words = {_word(c): c for c in classes}
    if positive is not None:
        if positive.lower() in words:
            return words[positive.lower()]
        raise _refused(
            f"data.positiveClass is {positive!r}, but data.target {name!r} holds {' and '.join(map(repr, words))}; "
            f"{nearest(positive, words)}"
        )
    found = [words[w] for w in POSITIVE_WORDS if w in words]
    if found:
        return found[0]
    if all(isinstance(c, int) for c in classes):
        return max(classes)
    raise _refused(
        f"data.target {name!r} holds {' and '.join(map(repr, words))}, and none of them says which is the positive "
        f"one; set data.positiveClass"
    )


def _outlier(column: pa.ChunkedArray | None, name: str | None, positive: str | None) -> Target:
    if column is None:
        return Target("Outlier")
    labelled = _classification(column, name, positive)
    if labelled.task != "Binary":
        raise _refused(f"data.target {name!r} has more than two values; an outlier detector is judged by a yes or no")
    return Target("Outlier", labelled.classes, labelled.positive)


def _word(value: Any) -> str:
    return str(value).lower()


def _constant(name: str | None, value: Any) -> DataRefused:
    return _refused(
        f"data.target {name!r} is {value!r} in every row, so there is nothing to learn; widen data.train, "
        f"or choose another target",
        reason="ConstantTarget",
    )


def _refused(message: str, *, reason: str = "TargetUnusable") -> DataRefused:
    return DataRefused(message, reason=reason)
