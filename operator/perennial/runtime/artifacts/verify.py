"""Proves that a fast form is the same model: on the hold-out, at every threshold, for missing and unseen values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from perennial.api.records.signature import Signature
from perennial.runtime.artifacts.columns import Columns, rows_of
from perennial.runtime.artifacts.scoring import Scorer

TOLERANCE = 1e-5
"""Of a probability, and of a regression's interquartile range."""

HOLDOUT_ROWS = 100_000
THRESHOLD_ROWS = 10_000
UNSEEN = "\N{REPLACEMENT CHARACTER} unseen"


def differences(reference: Scorer, fast: Scorer, signature: Signature, holdout: Columns, wanted: frozenset[str]) -> str:
    """Why the fast path is not the reference path on canonical columns; empty if it is."""
    rows = _thinned(holdout, HOLDOUT_ROWS)
    expected = reference.score(rows, wanted)
    spread = spreads(expected)
    for what, columns in (("hold-out", rows), ("a missing or unseen value", _odd_rows(rows, signature))):
        try:
            right = expected if columns is rows else reference.score(columns, wanted)
        except ValueError as error:  # a pipeline of somebody else's code may impute nothing
            return f"the model itself refuses {what}: {str(error).splitlines()[0][:200]}"
        if reason := compare(right, fast.score(columns, wanted), signature, spread):
            return f"{reason} on {what}"
    return ""


def threshold_rows(matrix: np.ndarray, thresholds: Sequence[tuple[int, float]]) -> np.ndarray:
    """Rows of an encoded matrix, each with one value set to a split threshold or a float neighbour of it."""
    near = []
    for column, value in thresholds:
        if not np.isfinite(value):
            continue
        single = np.float32(value)
        near += [(column, v) for v in (value, np.nextafter(value, -np.inf), np.nextafter(value, np.inf))]
        near += [(column, float(v)) for v in (single, np.nextafter(single, np.float32(np.inf)))]
        near.append((column, float(np.nextafter(single, np.float32(-np.inf)))))
    if not near or not len(matrix):
        return matrix[:0]
    chosen = [near[i] for i in np.linspace(0, len(near) - 1, min(len(near), THRESHOLD_ROWS)).astype(int)]
    rows = matrix[np.arange(len(chosen)) % len(matrix)].copy()
    rows[np.arange(len(chosen)), [column for column, _ in chosen]] = [value for _, value in chosen]
    return rows


def compare(
    right: Mapping[str, np.ndarray], fast: Mapping[str, np.ndarray], signature: Signature, spread: Mapping[str, float]
) -> str:
    """Why two sets of scores are not the same answer; empty if they are."""
    for name, expected in right.items():
        given = fast[name]
        if given.shape != expected.shape:
            return f"{name} has shape {list(given.shape)}, expected {list(expected.shape)}"
        if name == "predict" and signature.task != "Regression":
            if flips := int((given != expected).sum()):
                return f"{flips} of {len(expected)} labels differ"
            continue
        if name == "predict_proba" and (flips := _flips(expected, given, signature.threshold)):
            return f"{flips} of {len(expected)} labels differ"
        worst = float(np.abs(given - expected).max(initial=0.0))
        if not worst <= TOLERANCE * spread[name]:
            return f"{name} differs by up to {worst:.3g}, allowed {TOLERANCE * spread[name]:.3g}"
    return ""


def spreads(scores: Mapping[str, np.ndarray]) -> dict[str, float]:
    """What a difference is measured against: 1 for probabilities, else the interquartile range."""
    return {name: 1.0 if name == "predict_proba" else _interquartile(values) for name, values in scores.items()}


def _interquartile(values: np.ndarray) -> float:
    if not len(values):
        return 1.0
    low, high = np.quantile(values, [0.25, 0.75])
    return float(high - low) or float(np.abs(values).max()) or 1.0


def _flips(expected: np.ndarray, given: np.ndarray, threshold: float | None) -> int:
    flips = expected.argmax(axis=1) != given.argmax(axis=1)
    if threshold is not None and expected.shape[1] == 2:
        flips |= ((expected >= threshold) != (given >= threshold)).any(axis=1)
    return int(flips.sum())


def _thinned(columns: Columns, limit: int) -> Columns:
    rows = rows_of(columns)
    if rows <= limit:
        return columns
    chosen = np.linspace(0, rows - 1, limit).astype(int)
    return {name: values[chosen] for name, values in columns.items()}


def _odd_rows(columns: Columns, signature: Signature) -> Columns:
    """For each input a row of the hold-out without its value, and for text one with a category never seen."""
    changes: list[tuple[str, Any]] = []
    for column in signature.inputs:
        text = column.kind in ("categorical", "text")
        empty: Any = None if text else np.datetime64("NaT", "us") if column.kind == "datetime" else np.nan
        changes.append((column.name, empty))
        if text:
            changes.append((column.name, UNSEEN))
    available = rows_of(columns)
    if not available:
        return columns
    rows = {name: values[np.arange(len(changes)) % available].copy() for name, values in columns.items()}
    for number, (name, value) in enumerate(changes):
        rows[name][number] = value
    return rows
