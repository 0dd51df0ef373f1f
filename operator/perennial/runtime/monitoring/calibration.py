"""The calibration table of a classifier on its hold-out, by 100 score bins."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perennial.api.records.profile import Calibration
from perennial.api.records.signature import Signature
from perennial.runtime.monitoring.columns import as_texts
from perennial.runtime.monitoring.outputs import positive_column
from perennial.stats.calibration import SCORE_BINS, cross_fitted_error


def build_calibration(
    outputs: Mapping[str, NDArray[Any]], signature: Signature, target: NDArray[Any] | None
) -> Calibration | None:
    """P(positive | score), or P(right | top score) for more classes; None without labels or probabilities."""
    if target is None or "predict_proba" not in outputs or signature.classes is None:
        return None
    table = np.asarray(outputs["predict_proba"], dtype=np.float64)
    labels = as_texts(target)
    classes = as_texts(signature.classes)
    if signature.task == "Binary":
        column = positive_column(signature)
        score = table[:, column]
        hit = np.array([label == classes[column] for label in labels])
    else:
        score = table.max(axis=1)
        hit = np.array([label == classes[i] for label, i in zip(labels, table.argmax(axis=1), strict=True)])
    codes = np.clip((score * SCORE_BINS).astype(np.int64), 0, SCORE_BINS - 1)
    return Calibration(
        rows=score.size,
        counts=np.bincount(codes, minlength=SCORE_BINS).tolist(),
        hits=np.bincount(codes[hit], minlength=SCORE_BINS).tolist(),
        threshold=(signature.threshold or 0.5) if signature.task == "Binary" else None,
        error=cross_fitted_error(codes, hit),
    )
