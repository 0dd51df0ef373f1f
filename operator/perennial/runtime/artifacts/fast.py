"""Looks for the fastest form of a model that is still the same model, and records why another one is not used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from perennial.api.records.signature import Signature
from perennial.runtime.artifacts.columns import Columns, rows_of
from perennial.runtime.artifacts.compile import NotCompilable, compile_encoder, seen_codes
from perennial.runtime.artifacts.convert import Converted, convert
from perennial.runtime.artifacts.encoder import EncoderRecord, FastEncoder
from perennial.runtime.artifacts.errors import HostileArtifact
from perennial.runtime.artifacts.forest import NotConvertible
from perennial.runtime.artifacts.scoring import Scorer
from perennial.runtime.artifacts.scoring.matrix import MatrixScorer
from perennial.runtime.artifacts.scoring.onnx import OnnxScorer
from perennial.runtime.artifacts.verify import compare, differences, spreads, threshold_rows

Verdict = Literal["Verified", "NotVerified", "NotConvertible"]


@dataclass(frozen=True, slots=True)
class Fast:
    """Further files of the artifact, and the verdict on ONNX with its reason."""

    files: Mapping[str, bytes]
    verdict: Verdict
    reason: str = ""


def fast_forms(pipeline: Any, reference: Scorer, signature: Signature, holdout: Columns) -> Fast:
    """encoder.json and model.onnx where both are proven; encoder.json alone where only that is; else nothing."""
    try:
        record = compile_encoder(pipeline[0], seen=seen_codes(pipeline[-1]))
        converted = convert(pipeline[-1], FastEncoder(record).width)
        scorer = OnnxScorer(FastEncoder(record), converted.graph)
    except (NotConvertible, NotCompilable) as error:
        return Fast(_encoder_alone(pipeline, reference, signature, holdout), "NotConvertible", str(error))
    except HostileArtifact as error:
        return Fast(_encoder_alone(pipeline, reference, signature, holdout), "NotVerified", str(error)[:300])
    reason = _reason_against(pipeline, reference, scorer, record, converted, signature, holdout)
    if reason:
        return Fast(_encoder_alone(pipeline, reference, signature, holdout), "NotVerified", reason)
    return Fast({"encoder.json": record.to_json(), "model.onnx": converted.graph}, "Verified")


def _reason_against(
    pipeline: Any,
    reference: Scorer,
    scorer: OnnxScorer,
    record: EncoderRecord,
    converted: Converted,
    signature: Signature,
    holdout: Columns,
) -> str:
    wanted = frozenset(output.name for output in signature.outputs)
    if absent := sorted(wanted - scorer.scores - _derived(signature)):
        return f"the graph gives no {', '.join(absent)}"
    scores = wanted & scorer.scores
    reason = differences(reference, scorer, signature, holdout, scores)
    return reason or _at_thresholds(pipeline, record, scorer, converted.thresholds, signature, holdout, scores)


def _derived(signature: Signature) -> set[str]:
    """Labels of a classifier follow from its probabilities."""
    has_probabilities = any(output.name == "predict_proba" for output in signature.outputs)
    return {"predict"} if has_probabilities and signature.task in ("Binary", "Multiclass") else set()


def _at_thresholds(
    pipeline: Any,
    record: EncoderRecord,
    scorer: OnnxScorer,
    thresholds: list[tuple[int, float]],
    signature: Signature,
    holdout: Columns,
    wanted: frozenset[str],
) -> str:
    if not thresholds or not rows_of(holdout):
        return ""
    some = {name: values[:1000] for name, values in holdout.items()}
    rows = threshold_rows(FastEncoder(record).encode(some), thresholds)
    raw = _unnumbered(rows, seen_codes(pipeline[-1]))
    expected = MatrixScorer(FastEncoder(record), pipeline[-1]).of_matrix(raw, wanted)
    reason = compare(expected, scorer.of_matrix(rows, wanted), signature, spreads(expected))
    return f"{reason} on rows set to split thresholds" if reason else ""


def _unnumbered(rows: Any, seen: list[list[float]]) -> Any:
    """The codes as the estimator is given them, before its own renumbering (`seen_codes`)."""
    import numpy as np

    raw = rows.copy()
    for column, codes in enumerate(seen):
        known = ~np.isnan(rows[:, column])
        raw[known, column] = np.array(codes)[rows[known, column].astype(int)]
    return raw


def _encoder_alone(pipeline: Any, reference: Scorer, signature: Signature, holdout: Columns) -> Mapping[str, bytes]:
    try:
        record = compile_encoder(pipeline[0])
    except NotCompilable:
        return {}
    scorer = MatrixScorer(FastEncoder(record), pipeline[-1])
    scores = frozenset(output.name for output in signature.outputs)
    return {} if differences(reference, scorer, signature, holdout, scores) else {"encoder.json": record.to_json()}
