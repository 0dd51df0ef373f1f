"""Compares the candidate's answer to a mirrored request with this pod's own, row by row on the same rows."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import numpy as np

from perennial.api.records.signature import Signature
from perennial.runtime.serving.arms import Arms
from perennial.runtime.serving.datatypes import from_bytes
from perennial.runtime.serving.errors import RequestError
from perennial.runtime.serving.exchange import Reply

RELATIVE = 0.01
"""Regression: values further apart than this share of the larger one disagree."""

_DECODE = msgspec.json.Decoder().decode


class Comparison[A]:
    """One pair of answers.

    Args:
        arms: where the pair is counted.
        signature: of this pod's model: which output is the label, which the score.
        outputs_of: outputs of an answer in the protocol of the request.
    """

    def __init__(self, arms: Arms, signature: Signature, outputs_of: Callable[[A], Mapping[str, Any]]) -> None:
        self._arms = arms
        self._labels = signature.task != "Regression"
        self._outputs_of = outputs_of

    def when_done(self, copy: "asyncio.Task[A | None]", own: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Compare as soon as the candidate's answer is there."""
        copy.add_done_callback(lambda task: self._done(task, own))

    def _done(self, task: "asyncio.Task[A | None]", own: Mapping[str, np.ndarray[Any, Any]]) -> None:
        if task.cancelled() or task.exception() is not None:
            return
        answer = task.result()
        if answer is not None:
            self.compare(answer, own)

    def compare(self, answer: A, own: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Count one pair."""
        try:
            theirs = self._outputs_of(answer)
        except (msgspec.DecodeError, RequestError, KeyError, ValueError, TypeError):
            self._arms.shadowed(0, 0, 0.0, 0.0, comparable=False)
            return
        shared = [n for n in theirs if n in own and np.shape(theirs[n]) == own[n].shape]
        if not shared:
            self._arms.shadowed(0, 0, 0.0, 0.0, comparable=False)
            return
        disagreements = self._disagreements(theirs, own, shared)
        score = "predict_proba" if "predict_proba" in shared else shared[0]
        absolute, largest = _difference(theirs[score], own[score])
        self._arms.shadowed(len(own[shared[0]]), disagreements, absolute, largest, comparable=True)

    def _disagreements(
        self, theirs: Mapping[str, Any], own: Mapping[str, np.ndarray[Any, Any]], shared: list[str]
    ) -> int:
        if "predict" not in shared:
            return 0
        mine, other = own["predict"], np.asarray(theirs["predict"])
        if self._labels or mine.dtype.kind not in "fiu":
            return int(np.count_nonzero(mine.astype(str) != other.astype(str)))
        here, there = mine.astype(float), other.astype(float)
        with np.errstate(invalid="ignore"):
            apart = np.abs(here - there) > RELATIVE * np.maximum(np.abs(here), np.abs(there))
        return int(np.count_nonzero(apart | (np.isfinite(here) != np.isfinite(there))))


def _difference(theirs: Any, mine: np.ndarray[Any, Any]) -> tuple[float, float]:
    if mine.dtype.kind not in "fiu":
        return 0.0, 0.0
    with np.errstate(invalid="ignore"):
        gap = np.abs(np.asarray(theirs, dtype=float) - mine)
    gap = np.where(np.isfinite(gap), gap, 0.0)  # no distance; `disagreements` counts the row
    per_row = gap.max(axis=1) if gap.ndim == 2 else gap
    return float(per_row.sum()), float(per_row.max(initial=0.0))


def v1_outputs(reply: Reply) -> dict[str, Any]:
    """Outputs of a V1 answer; its one output is called `predict`."""
    predictions = _DECODE(reply.body)["predictions"]
    if predictions and isinstance(predictions[0], dict):
        return {name: np.array([row[name] for row in predictions]) for name in predictions[0]}
    return {"predict": np.array(predictions)}


def v2_outputs(reply: Reply) -> dict[str, Any]:
    """Outputs of a V2 answer, JSON or binary."""
    length = reply.headers.get(b"inference-header-content-length")
    end = int(length) if length is not None else len(reply.body)
    position = end
    outputs = {}
    for tensor in _DECODE(reply.body[:end])["outputs"]:
        size = (tensor.get("parameters") or {}).get("binary_data_size")
        if size is None:
            outputs[tensor["name"]] = np.array(tensor["data"]).reshape(tensor["shape"])
            continue
        raw = reply.body[position : position + size]
        position += size
        values = from_bytes(tensor["name"], tensor["datatype"], tensor["shape"], raw).values
        outputs[tensor["name"]] = np.array(values).reshape(tensor["shape"])
    return outputs
