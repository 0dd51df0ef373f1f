"""Stage 6, design and refine: which design, parameters and threshold are kept, by training rows alone."""

from dataclasses import dataclass, field
from typing import Any

from sklearn.pipeline import Pipeline

from perennial.api.algorithm import Candidate
from perennial.runtime.training.answers import DEFAULT_THRESHOLD
from perennial.runtime.training.fitting import fit
from perennial.runtime.training.preprocess import Prepared
from perennial.runtime.training.progress import StageClock
from perennial.runtime.training.request import Request
from perennial.runtime.training.split import Split


@dataclass(frozen=True)
class Chosen:
    """The judged fit."""

    design: Candidate
    pipeline: Pipeline  # fitted on the training part
    threshold: float | None = None  # binary: of the positive class' probability
    summary: dict[str, Any] = field(default_factory=dict)  # `chosen` of run.json
    warnings: list[str] = field(default_factory=list)


def refine(prepared: Prepared, split: Split, request: Request, clock: StageClock) -> Chosen:
    """Choose a design and fit it to the training part."""
    design = request.designs[0]
    pipeline, warnings = fit(prepared, split.train, design, request)
    summary = {"estimator": design.estimator, "parameters": dict(design.parameters)}
    threshold = DEFAULT_THRESHOLD if decides(pipeline, prepared) else None
    return Chosen(design, pipeline, threshold, summary, warnings)


def decides(pipeline: Pipeline, prepared: Prepared) -> bool:
    """Whether a probability is turned into one of two classes by a threshold."""
    return prepared.signature.task == "Binary" and hasattr(pipeline, "predict_proba")
