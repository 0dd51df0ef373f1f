"""Fitting one design to some rows: weights, threads, calibration, and what a person is told when an estimator raises.

Not for choosing designs (`refine.py`).
"""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import Pipeline

from perennial.api.algorithm import Candidate
from perennial.runtime.artifacts import EstimatorProblem, build_pipeline
from perennial.runtime.training import environment
from perennial.runtime.training.failures import DataRefused, UserCodeFailed
from perennial.runtime.training.preprocess import Prepared
from perennial.runtime.training.request import Request

CALIBRATION_FOLDS = 5


def unfitted(prepared: Prepared, design: Candidate, request: Request) -> Pipeline:
    """The pipeline of a design, calibration included.

    Raises:
        DataRefused: a parameter that the estimator has not, or a preprocessing step that does not fit its column.
    """
    steps: Sequence[Any] = request.preprocess.steps if request.preprocess else ()
    try:
        pipeline = build_pipeline(
            prepared.signature, design.estimator, design.parameters, seed=request.seed, preprocess=steps
        )
    except EstimatorProblem as error:
        raise DataRefused(f"spec.algorithm: {error}", reason="SpecInvalid") from error
    if request.calibration != "none" and prepared.signature.classes is not None:
        model = pipeline.named_steps["model"]
        pipeline.set_params(
            model=CalibratedClassifierCV(model, method=request.calibration, cv=CALIBRATION_FOLDS, ensemble=False)
        )
    return pipeline


def fit(prepared: Prepared, rows: np.ndarray, design: Candidate, request: Request) -> tuple[Pipeline, list[str]]:
    """Fit a design to some rows.

    Args:
        rows: row numbers of `prepared`.

    Returns:
        the fitted pipeline, and warnings worth a person's attention (an optimiser that did not converge).

    Raises:
        UserCodeFailed: the estimator raised; the message is the last line of its complaint.
    """
    pipeline = unfitted(prepared, design, request)
    model = pipeline.named_steps["model"]
    extra = _weights(model, prepared, rows)
    y = None if prepared.y is None or prepared.signature.task == "Outlier" else prepared.y[rows]
    _set_threads(model, environment.threads())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            pipeline.fit(prepared.frame.iloc[rows], y, **extra)
        except (MemoryError, KeyboardInterrupt):
            raise
        except Exception as error:
            raise UserCodeFailed(complaint(design, error)) from error
    _set_threads(model, None)
    return pipeline, [f"{design.estimator}: {w.message}" for w in caught if issubclass(w.category, ConvergenceWarning)]


def complaint(design: Candidate, error: Exception) -> str:
    """What went wrong in the estimator, with a hint."""
    text = str(error).strip().splitlines()
    detail = f"{type(error).__name__}: {text[0] if text else ''}"[:600]
    return (
        f"spec.algorithm: {design.estimator} raised {detail}; check spec.algorithm.parameters "
        f"({', '.join(f'{k}={v!r}' for k, v in sorted(design.parameters.items())) or 'none given'})"
    )


def _weights(model: Any, prepared: Prepared, rows: np.ndarray) -> dict[str, Any]:
    if prepared.weights is None:
        return {}
    from sklearn.utils.validation import has_fit_parameter

    inner = getattr(model, "estimator", model)
    if not has_fit_parameter(inner, "sample_weight"):
        raise DataRefused(
            f"data.features.sampleWeightColumn is set, but {type(inner).__name__} takes no weights; "
            f"leave it out, or choose another estimator",
            reason="WeightsUnusable",
        )
    return {"model__sample_weight": prepared.weights[rows]}


def _set_threads(model: Any, count: int | None) -> None:
    """Threads of estimators that take them as a parameter; reset after fitting, so that no artifact depends on them."""
    if "n_jobs" in model.get_params(deep=False):
        model.set_params(n_jobs=count)
