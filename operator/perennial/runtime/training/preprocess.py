"""Stage 5, preprocess: canonical columns, encoded target and weights; the same conversion that the server uses.

What each column becomes for the estimator is decided in `runtime.artifacts`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from perennial.api.records.signature import Signature
from perennial.runtime.artifacts import (
    EstimatorProblem,
    FeatureChoice,
    InputProblem,
    canonicalise,
    encode_target,
    frame,
    infer_signature,
)
from perennial.runtime.training.failures import DataRefused
from perennial.runtime.training.request import Request
from perennial.runtime.training.target import Target

Columns = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Prepared:
    """All rows, ready for fitting.

    Attributes:
        signature: inputs as read off the rows that the model learns from; outputs are added when it is packaged.
        columns: canonical columns, each of shape (rows,).
        frame: the same as the DataFrame that pipelines select from.
        y: class codes (int64) or numbers (float64) of shape (rows,), None without a target.
        weights: float64 of shape (rows,), or None.
        warnings: what was left out, one sentence each.
    """

    signature: Signature
    columns: Columns
    frame: pd.DataFrame
    y: np.ndarray | None
    weights: np.ndarray | None
    warnings: list[str]


def prepare(table: pa.Table, request: Request, target: Target, *, learn_from: np.ndarray) -> Prepared:
    """Infer the signature from the rows to learn from and bring all rows into canonical form.

    Args:
        learn_from: row numbers; medians, modes and categories are read off these alone.

    Raises:
        DataRefused: a column does not hold what the spec says of it.
    """
    try:
        inferred = infer_signature(
            table.take(pa.array(learn_from)),
            target=request.target,
            task=target.task,
            features=_choice(request),
            classes=target.classes,
            positive_class=target.positive,
            estimator=request.estimators[0] if request.designs else "",
        )
        columns = canonicalise(table, inferred.signature)
        y = encode_target(table.column(request.target), inferred.signature) if request.target else None
    except (InputProblem, EstimatorProblem) as error:
        raise DataRefused(f"data.features: {error}; correct the data, or data.features.types/exclude") from error
    if y is not None and target.classes:
        _require_every_class(y[learn_from], target.classes, request.target)
    if not inferred.signature.inputs:
        raise DataRefused(
            "data.features: no usable column is left: " + "; ".join(inferred.warnings), reason="NoFeatures"
        )
    return Prepared(
        signature=inferred.signature,
        columns=columns,
        frame=frame(columns, inferred.signature),
        y=y,
        weights=_weights(table, request.features.sample_weight_column),
        warnings=list(inferred.warnings),
    )


def _require_every_class(learned: np.ndarray, classes: list[Any], name: str | None) -> None:
    """A class that nobody learns from would be in no probability, and every row of it an error nobody explains."""
    lost = sorted(set(range(len(classes))) - set(np.unique(learned).tolist()))
    if lost:
        named = ", ".join(repr(classes[code]) for code in lost)
        raise DataRefused(
            f"data.target {name!r}: all rows of the class {named} fell into the hold-out, none is left to learn from "
            "(identical rows stay on one side, and the newest rows are held out where there is a time column); bring "
            "more rows of it, fold it into another class, or change data.holdout.strategy",
            reason="TargetUnusable",
        )


def _choice(request: Request) -> FeatureChoice:
    features = request.features
    return FeatureChoice(
        include=tuple(features.include),
        exclude=tuple(features.exclude),
        types=dict(features.types),
        time_column=features.time_column,
        id_column=features.id_column,
        weight_column=features.sample_weight_column,
    )


def _weights(table: pa.Table, name: str | None) -> np.ndarray | None:
    if name is None:
        return None
    weights: Any = table.column(name).cast(pa.float64(), safe=False).to_numpy()
    return np.asarray(weights, dtype=np.float64)
