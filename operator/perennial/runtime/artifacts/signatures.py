"""Which columns a model takes, read off a table: kinds, categories, and a synthetic example row.

Not for converting values (columns.py). The answers of a fitted model are added when it is packaged (package.py).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from perennial.api.records.run import TaskType
from perennial.api.records.signature import ColumnKind, Datatype, InputColumn, Signature
from perennial.runtime.artifacts.columns import CONVERSIONS, missing
from perennial.runtime.artifacts.errors import InputProblem

if TYPE_CHECKING:
    import pyarrow

MAX_CATEGORIES = 250
"""A column with more levels is not listed in the signature: its levels are learned by a target encoding instead."""

TEXT_SHARE = 0.5
"""A text column with a larger share of distinct values names rows instead of describing them."""

TEXT_ROWS = 100
"""Below so many values every text column may look unique by chance, so none is dropped."""

PRIVATE_COUNT = 10
"""A mode of fewer rows could be somebody's own value: it is not shown in the example."""

KINDS: Mapping[str, ColumnKind] = {
    "numeric": "numeric",
    "category": "categorical",
    "boolean": "boolean",
    "datetime": "datetime",
    "text": "text",
}
"""The type names of `features.types` and what they are called in a signature."""

DATATYPES: Mapping[ColumnKind, Datatype] = {
    "numeric": "FP64",
    "categorical": "BYTES",
    "boolean": "BOOL",
    "datetime": "BYTES",
    "text": "BYTES",
}


@dataclass(frozen=True, slots=True)
class FeatureChoice:
    """What a person said about the columns; everything else is read off the table."""

    include: Collection[str] = ()  # empty: every column that is not special
    exclude: Collection[str] = ()
    types: Mapping[str, str] = field(default_factory=dict)  # column → a key of KINDS
    time_column: str | None = None  # a feature only if it is in `include`
    id_column: str | None = None  # never a feature
    weight_column: str | None = None  # never a feature


@dataclass(frozen=True, slots=True)
class Inferred:
    """A signature and what was left out on the way, one sentence each."""

    signature: Signature
    warnings: list[str]


def infer_signature(
    table: pyarrow.Table,
    *,
    target: str | None,
    task: TaskType,
    features: FeatureChoice | None = None,
    classes: list[Any] | None = None,
    positive_class: Any | None = None,
    estimator: str = "",
) -> Inferred:
    """Read the signature off a table.

    Args:
        table: the rows to learn from; the more of them, the better the medians and modes of the example.
        classes: the labels in the order of the codes that the estimator is fitted on (see `encode_target`).

    Raises:
        InputProblem: a named column is absent, or does not hold what `features.types` says.
    """
    features = features or FeatureChoice()
    inputs, example, warnings = _inputs(table, target, features)
    signature = Signature(
        task=task,
        inputs=inputs,
        outputs=[],
        classes=classes,
        positive_class=positive_class,
        id_column=features.id_column,
        target=target,
        example=example,
        estimator=estimator,
    )
    return Inferred(signature, warnings)


def _inputs(
    table: pyarrow.Table, target: str | None, features: FeatureChoice
) -> tuple[list[InputColumn], dict[str, Any], list[str]]:
    """Inputs, the example's value of each, and what was left out."""
    warnings: list[str] = []
    inputs: list[InputColumn] = []
    example: dict[str, Any] = {}
    for name in _candidates(table, target, features):
        column = table.column(name)
        kind = _kind(name, column, features, warnings)
        if kind is None:
            continue
        values = CONVERSIONS[kind](name, column)
        if kind == "categorical" and name not in features.types and _names_rows(values):
            warnings.append(f'column "{name}" is text with more than {TEXT_SHARE:.0%} distinct values: left out')
            continue
        inputs.append(_input(name, kind, values, column))
        example[name] = _typical(inputs[-1], values)
    return inputs, example, warnings


def _candidates(table: pyarrow.Table, target: str | None, features: FeatureChoice) -> list[str]:
    names = list(table.column_names)
    for name in [*features.include, *features.types]:
        if name not in names:
            raise InputProblem(name, "a column of the data", f"only {', '.join(names[:20])}")
    never = {target, features.id_column, features.weight_column, *features.exclude}
    if features.include:
        return [name for name in names if name in features.include and name not in never]
    return [name for name in names if name not in never and name != features.time_column]


def _kind(name: str, column: Any, features: FeatureChoice, warnings: list[str]) -> ColumnKind | None:
    if name in features.types:
        wanted = features.types[name]
        if wanted not in KINDS:
            raise InputProblem(name, f"a type out of {', '.join(KINDS)}", wanted)
        return KINDS[wanted]
    kind = _natural_kind(column.type)
    if kind is None and name in features.include:
        raise InputProblem(name, "numbers, text, booleans or instants", f"a column of {column.type}")
    if kind is None:
        warnings.append(f'column "{name}" holds {column.type}, which no estimator reads: left out')
    return kind


def _natural_kind(kind: Any) -> ColumnKind | None:
    import pyarrow as pa

    tests: list[tuple[ColumnKind, tuple[Any, ...]]] = [
        ("numeric", (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_null)),
        ("boolean", (pa.types.is_boolean,)),
        ("datetime", (pa.types.is_timestamp, pa.types.is_date)),
        ("categorical", (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)),
    ]
    if pa.types.is_dictionary(kind):
        return None if _natural_kind(kind.value_type) is None else "categorical"
    return next((name for name, checks in tests if any(check(kind) for check in checks)), None)


def _names_rows(values: np.ndarray) -> bool:
    present = values[~missing(values)]
    return len(present) >= TEXT_ROWS and len(set(present.tolist())) > TEXT_SHARE * len(present)


def _input(name: str, kind: ColumnKind, values: np.ndarray, column: Any) -> InputColumn:
    categories = None
    integer = False
    if kind == "categorical":
        distinct = set(values.tolist()) - {None}
        categories = sorted(distinct) if len(distinct) <= MAX_CATEGORIES else None
    elif kind == "numeric":
        present = values[~np.isnan(values)]
        integer = bool(len(present)) and bool(np.all(present == np.trunc(present)))
    return InputColumn(name=name, kind=kind, datatype=DATATYPES[kind], categories=categories, integer=integer)


def _typical(column: InputColumn, values: np.ndarray) -> Any:
    present = values[~missing(values)]
    if not len(present):
        return None
    if column.kind == "numeric":
        median = float(np.median(present))
        return round(median) if column.integer else median
    if column.kind == "datetime":
        middle = np.sort(present)[len(present) // 2].astype("datetime64[D]")
        return f"{middle}T00:00:00Z"
    distinct, counts = np.unique(present.astype(str if column.kind != "boolean" else float), return_counts=True)
    if column.kind == "boolean":
        return bool(distinct[counts.argmax()])
    return str(distinct[counts.argmax()]) if counts.max() >= PRIVATE_COUNT else None


def encode_target(values: Any, signature: Signature) -> np.ndarray:
    """Class codes 0 … K−1 of shape (rows,), int64, in the order of `signature.classes`; float64 for regression.

    Raises:
        InputProblem: a missing target, or a label that is not one of the classes.
    """
    name = signature.target or "target"
    if signature.task == "Regression":
        numbers = CONVERSIONS["numeric"](name, values)
        if np.isnan(numbers).any():
            raise InputProblem(name, "a number in every row", f"null in row {int(np.isnan(numbers).argmax())}")
        return numbers
    labels = CONVERSIONS["categorical"](name, values)
    code_of = {label: code for code, label in enumerate(class_names(signature))}
    try:
        return np.fromiter((code_of[label] for label in labels.tolist()), dtype=np.int64, count=len(labels))
    except KeyError as unknown:
        raise InputProblem(name, f"one of {', '.join(map(str, code_of))}", str(unknown.args[0])) from None


def class_names(signature: Signature) -> list[str]:
    """The classes as canonical text, in the order of the codes: what `as_labels` makes of the target column."""
    names = np.empty(len(signature.classes or []), dtype=object)
    names[:] = signature.classes or []
    return cast(list[str], CONVERSIONS["categorical"](signature.target or "target", names).tolist())


def classes_of(values: Any, name: str = "target") -> list[Any]:
    """The distinct labels of a target column as JSON values, sorted: booleans and whole numbers stay what they are.

    Args:
        values: a pyarrow column, array or list; missing values do not count.
    """
    if hasattr(values, "to_numpy") and hasattr(values, "type"):
        values = values.unique().to_pylist()
    given = np.asarray(values, dtype=object).tolist()
    distinct = {_plain(value) for value in given if value is not None and value == value}
    if all(isinstance(value, bool) for value in distinct):
        return sorted(distinct)
    if all(isinstance(value, int | float) for value in distinct):
        return sorted(int(value) if float(value).is_integer() else float(value) for value in distinct)
    return sorted(label for label in CONVERSIONS["categorical"](name, sorted(distinct, key=str)).tolist())


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    return float(value) if isinstance(value, Decimal) else value
