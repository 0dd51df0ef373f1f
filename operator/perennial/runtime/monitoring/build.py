"""Builds the profile of a run: what the servers of its version count against. It does not score anything."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perennial.api.records.profile import BlockSums, OutputReference, Profile, Reference, WatchedKind
from perennial.api.records.signature import Signature
from perennial.runtime.monitoring.blocks import time_block_sums
from perennial.runtime.monitoring.calibration import build_calibration
from perennial.runtime.monitoring.columns import as_numbers, as_texts
from perennial.runtime.monitoring.outputs import watched_outputs
from perennial.runtime.monitoring.times import iso
from perennial.runtime.monitoring.watching import unwatched_columns
from perennial.stats.bins import (
    bin_counts,
    category_codes,
    category_index,
    numeric_codes,
    numeric_edges,
    top_categories,
)
from perennial.stats.effective import MIN_BLOCKS, design_effect
from perennial.stats.seasonal import WINDOW_LENGTHS, seasonal_limit

OUTER_QUANTILES = (0.001, 0.999)


def build_profile(
    columns: Mapping[str, NDArray[Any]],
    signature: Signature,
    *,
    holdout_outputs: Mapping[str, NDArray[Any]] | None = None,
    holdout_times: NDArray[Any] | None = None,
    holdout_target: NDArray[Any] | None = None,
    out_of_fold: bool = False,
    importances: Mapping[str, float] | None = None,
    times: NDArray[Any] | None = None,
) -> Profile:
    """References of all watched features and of the predictions.

    Args:
        columns: canonical columns of all rows of the run, each of shape (rows,); others than its inputs are ignored.
        signature: its inputs say each column's kind, its classes order `predict_proba`.
        holdout_outputs: the judged fit's answers on rows it was not fitted on, by output name.
        holdout_times: times of those rows, shape (rows,).
        holdout_target: their true labels, for estimated performance without labels; classifiers only.
        out_of_fold: `holdout_outputs` are out-of-fold predictions.
        importances: permutation importance by column; negative counts as 0.
        times: the time column of `columns`, shape (rows,), datetime64 or seconds; rows in any order.
    """
    seconds = None if times is None else as_numbers(times)
    skipped = unwatched_columns(columns, signature, seconds)
    names = {u.name for u in skipped}
    features = [
        _reference(columns[c.name], c.name, _kind(c.kind), seconds, (importances or {}).get(c.name, 0.0))
        for c in signature.inputs
        if c.name in columns and c.name not in names
    ]
    outputs = holdout_outputs or {}
    start, end = _span(seconds)
    return Profile(
        rows=len(next(iter(columns.values()), ())),
        holdout_rows=len(next(iter(outputs.values()), ())),
        predictions="None" if not outputs else "OutOfFold" if out_of_fold else "Holdout",
        features=features,
        outputs=_output_references(outputs, signature, holdout_times),
        unwatched=skipped,
        calibration=build_calibration(outputs, signature, holdout_target),
        start=start,
        end=end,
    )


def _span(seconds: NDArray[np.float64] | None) -> tuple[str | None, str | None]:
    """First and last known time."""
    known = np.empty(0) if seconds is None else seconds[np.isfinite(seconds)]
    return (iso(known.min()), iso(known.max())) if known.size else (None, None)


def _output_references(
    outputs: Mapping[str, NDArray[Any]], signature: Signature, times: NDArray[Any] | None
) -> list[OutputReference]:
    seconds = None if times is None else as_numbers(times)
    return [
        OutputReference(
            **_reference(w.values(outputs), w.name, w.kind, seconds, 0.0).model_dump(),
            output=w.output,
            column=w.column,
        )
        for w in watched_outputs(outputs, signature)
    ]


def _kind(kind: str) -> WatchedKind:
    return kind if kind in ("numeric", "boolean", "datetime") else "categorical"  # type: ignore[return-value]


def _reference(
    values: NDArray[Any], name: str, kind: WatchedKind, seconds: NDArray[np.float64] | None, importance: float
) -> Reference:
    shape = _categorical(values) if kind == "categorical" else _numeric(as_numbers(values))
    codes, fields = shape
    bins = len(fields["edges"]) + 2 if kind != "categorical" else len(fields["categories"]) + 2
    counts = bin_counts(codes, bins)
    sums = None if seconds is None else time_block_sums(codes, bins, seconds)
    return Reference(
        name=name,
        kind=kind,
        counts=counts.tolist(),
        effective_rows=counts.sum() / _design_effect(counts, sums),
        blocks=sums,
        importance=max(0.0, float(importance)),
        seasonal=_seasonal(codes, bins, seconds),
        **fields,
    )


def _numeric(values: NDArray[np.float64]) -> tuple[NDArray[np.int64], dict[str, Any]]:
    edges = numeric_edges(values)
    codes = numeric_codes(values, edges)
    fields: dict[str, Any] = {"edges": edges, "categories": []}
    finite = values[np.isfinite(values)]
    if finite.size:
        low, high = np.quantile(finite, OUTER_QUANTILES).tolist()
        outside = int(np.count_nonzero((values < low) | (values > high)))
        fields |= {"low": low, "high": high, "outside": outside}
    return codes, fields


def _categorical(values: NDArray[Any] | Sequence[Any]) -> tuple[NDArray[np.int64], dict[str, Any]]:
    texts = as_texts(values)
    kept, folded = top_categories(texts)
    fields = {"edges": [], "categories": kept, "outside": folded}
    return category_codes(texts, category_index(kept)), fields


def _design_effect(counts: NDArray[np.int64], sums: BlockSums | None) -> float:
    if sums is None or sums.blocks < MIN_BLOCKS:
        return 1.0
    return float(design_effect(counts, np.array(sums.squares), np.array(sums.crosses), sums.row_squares))


def _seasonal(codes: NDArray[np.int64], bins: int, seconds: NDArray[np.float64] | None) -> list[Any]:
    if seconds is None:
        return []
    found = (seasonal_limit(codes, bins, seconds, window_seconds=length) for length in WINDOW_LENGTHS)
    return [limit for limit in found if limit is not None]
