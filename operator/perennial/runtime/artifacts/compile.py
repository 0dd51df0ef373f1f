"""Reads a fitted ColumnTransformer off into the record of the fast encoder.

It knows the steps that pipeline.py makes and nothing else; what it does not know is left to the pipeline itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from perennial.runtime.artifacts.encoder import Affine, EncoderRecord, Lookup, Numbers, scaled
from perennial.runtime.artifacts.errors import ArtifactError


class NotCompilable(ArtifactError):
    """The pipeline holds a step that the fast encoder does not know; the pipeline itself is used."""


def compile_encoder(preprocess: Any, *, seen: Sequence[Sequence[float]] = ()) -> EncoderRecord:
    """The record of a fitted ColumnTransformer.

    Args:
        preprocess: the step `preprocess` of a pipeline from `build_pipeline`.
        seen: for the first output columns, the codes that the estimator itself has seen (`seen_codes`): other codes
            become missing, and the rest their position.

    Raises:
        NotCompilable: with the step that is not known.
    """
    try:
        return _compiled(preprocess, seen)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        # Somebody else's code may have put known steps together in a way of its own.
        raise NotCompilable(f"a step is not as `build_pipeline` makes it: {error!r}") from error


def _compiled(preprocess: Any, seen: Sequence[Sequence[float]]) -> EncoderRecord:
    if type(preprocess).__name__ != "ColumnTransformer":
        raise NotCompilable(f"preprocessing is a {type(preprocess).__name__}, not a ColumnTransformer")
    blocks: list[Numbers | Lookup] = []
    for name, step, columns in preprocess.transformers_:
        if name == "remainder" or len(columns) == 0:  # a step without columns was never fitted
            continue
        steps = [part for _, part in step.steps] if type(step).__name__ == "Pipeline" else [step]
        blocks += _blocks([part for part in steps if not _is_identity(part)], list(columns))
    for number, codes in enumerate(seen):
        blocks[number] = _renumbered(blocks[number], codes)
    return EncoderRecord(blocks=blocks)


def seen_codes(estimator: Any) -> list[list[float]]:
    """The category codes that a fitted HistGradientBoosting model renumbers, per categorical column; else nothing."""
    inner = getattr(estimator, "_preprocessor", None)
    if inner is None or not type(estimator).__name__.startswith("HistGradientBoosting"):
        return []
    return [list(map(float, codes)) for codes in inner.named_transformers_["encoder"].categories_]


def _is_identity(step: Any) -> bool:
    return type(step).__name__ == "FunctionTransformer" and step.func is None


def _blocks(steps: list[Any], columns: list[str]) -> list[Numbers | Lookup]:
    dates = bool(steps) and type(steps[0]).__name__ == "DateParts"
    steps = steps[1:] if dates else steps
    fill: list[Any] | None = None
    if steps and type(steps[0]).__name__ == "SimpleImputer":
        fill = steps[0].statistics_.tolist()
        if steps[0].add_indicator:
            raise NotCompilable("SimpleImputer with an indicator")
        steps = steps[1:]
    encoder = steps[0] if steps and type(steps[0]).__name__ in LOOKUPS else None
    steps = steps[1:] if encoder is not None else steps
    if len(steps) > 1 or (steps and type(steps[0]).__name__ not in SCALES):
        raise NotCompilable(f"step {type(steps[-1]).__name__} on {', '.join(columns)}")
    scale = SCALES[type(steps[0]).__name__](steps[0]) if steps else None
    if encoder is None:
        return [Numbers(columns=columns, dates=dates, fill=fill, scale=scale)]
    return _lookups(encoder, columns, fill, scale)


def _lookups(encoder: Any, columns: list[str], fill: list[Any] | None, scale: Affine | None) -> list[Numbers | Lookup]:
    tables = LOOKUPS[type(encoder).__name__](encoder)
    blocks: list[Numbers | Lookup] = []
    start = 0
    for number, (column, table) in enumerate(zip(columns, tables, strict=True)):
        width = table.shape[1]
        if scale is not None:
            table = scaled(table, _slice(scale, start, start + width))
        start += width
        categories = [None if _is_missing(c) else c for c in encoder.categories_[number].tolist()]
        blocks.append(_lookup(column, categories, table, None if fill is None else fill[number]))
    return blocks


def _lookup(column: str, categories: list[Any], table: np.ndarray, fill: str | None) -> Lookup:
    unknown = _nan_is_null(table[-1])
    hot = table[:-1]
    if hot.shape[1] > 1 and np.isin(hot, (0.0, 1.0)).all() and (hot.sum(axis=1) == 1).all():
        slots = hot.argmax(axis=1).tolist()
        return Lookup(column=column, categories=categories, fill=fill, slots=slots, unknown=unknown)
    values = [_nan_is_null(row) for row in hot]
    return Lookup(column=column, categories=categories, fill=fill, values=values, unknown=unknown)


def _ordinal(encoder: Any) -> list[np.ndarray]:
    """Per column (categories + 1, 1): the codes, then what anything else gets."""
    tables = []
    for categories in encoder.categories_:
        codes = np.arange(len(categories) + 1, dtype=np.float64)
        codes[-1] = encoder.unknown_value
        for number, category in enumerate(categories):
            if category != category:  # NaN; None is a category like any other to scikit-learn
                codes[number] = encoder.encoded_missing_value
        tables.append(codes[:, None])
    return tables


def _one_hot(encoder: Any) -> list[np.ndarray]:
    """Per column (categories + 1, width). Rare categories share the last position, and so does anything unseen then."""
    if encoder.drop is not None:
        raise NotCompilable("OneHotEncoder with dropped categories")
    tables = []
    infrequent = encoder.infrequent_categories_ if encoder.max_categories else [None] * len(encoder.categories_)
    for categories, rare in zip(encoder.categories_, infrequent, strict=True):
        rare_names = set() if rare is None else set(rare.tolist())
        common = [category for category in categories.tolist() if category not in rare_names]
        width = len(common) + bool(rare_names)
        slot = {category: number for number, category in enumerate(common)}
        table = np.zeros((len(categories) + 1, width))
        for number, category in enumerate(categories.tolist()):
            table[number, slot.get(category, width - 1)] = 1.0
        if rare_names:
            table[-1, -1] = 1.0
        tables.append(table)
    return tables


def _target(encoder: Any) -> list[np.ndarray]:
    """Per column (categories + 1, 1 or classes): the encodings, then the target's mean."""
    classes = len(encoder.classes_) if encoder.target_type_ == "multiclass" else 1
    means = np.atleast_1d(encoder.target_mean_)
    tables = []
    for number in range(len(encoder.categories_)):
        encodings = np.column_stack(encoder.encodings_[number * classes : (number + 1) * classes])
        tables.append(np.vstack([encodings, means]))
    return tables


def _standard(scaler: Any) -> Affine:
    mean = scaler.mean_.tolist() if scaler.with_mean else None
    return Affine(subtract=mean, divide=scaler.scale_.tolist() if scaler.with_std else None)


def _min_max(scaler: Any) -> Affine:
    clip = tuple(map(float, scaler.feature_range)) if scaler.clip else None
    return Affine(multiply=scaler.scale_.tolist(), add=scaler.min_.tolist(), clip=clip)


def _robust(scaler: Any) -> Affine:
    centre = scaler.center_.tolist() if scaler.with_centering else None
    return Affine(subtract=centre, divide=scaler.scale_.tolist() if scaler.with_scaling else None)


LOOKUPS = {"OrdinalEncoder": _ordinal, "OneHotEncoder": _one_hot, "TargetEncoder": _target}
SCALES = {"StandardScaler": _standard, "MinMaxScaler": _min_max, "RobustScaler": _robust}


def _renumbered(block: Numbers | Lookup, codes: Sequence[float]) -> Lookup:
    if not isinstance(block, Lookup) or block.values is None:
        raise NotCompilable("the estimator renumbers a column that holds no codes")
    position = {code: float(number) for number, code in enumerate(codes)}
    values: list[list[float | None]] = [[None if v is None else position.get(v) for v in row] for row in block.values]
    return block.model_copy(update={"values": values})


def _slice(scale: Affine, start: int, stop: int) -> Affine:
    parts = {name: getattr(scale, name) for name in ("subtract", "divide", "multiply", "add")}
    return scale.model_copy(update={n: v[start:stop] for n, v in parts.items() if v is not None})


def _nan_is_null(row: np.ndarray) -> list[float | None]:
    return [None if value != value else value for value in row.tolist()]


def _is_missing(value: Any) -> bool:
    return value is None or value != value
