"""What the code has left in output/: its model as a pipeline, and what it says of it. Nothing of it is believed."""

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from perennial.api.algorithm import Candidate
from perennial.api.records.contract import MODELS, OUTPUT, REPORTED_METRICS
from perennial.api.records.signature import Signature
from perennial.runtime.artifacts import LoadRefused, UntrustedType, foreign_pipeline
from perennial.runtime.training.answers import DEFAULT_THRESHOLD
from perennial.runtime.training.failures import UserCodeFailed
from perennial.runtime.training.own.foreign_files import NotPlain, plain_bytes
from perennial.runtime.training.own.places import Places
from perennial.runtime.training.refine import Chosen
from perennial.runtime.training.request import Request

MOST_MODEL = 4 << 30
MOST_METRICS = 1 << 20
MOST_REPORTED = 100


@dataclass(frozen=True)
class Left:
    """The output of the code."""

    chosen: Chosen
    file: str


def left(places: Places, request: Request, signature: Signature) -> Left:
    """Read the output.

    Raises:
        UserCodeFailed: there is no model, or none that can be read safely; the message says what was expected.
    """
    name, body = _model(places)
    try:
        pipeline = foreign_pipeline(name, body, task=signature.task, classes=len(signature.classes or []))
    except UntrustedType as error:
        raise UserCodeFailed(
            f"output/{name} names what no server would load: {', '.join(error.names[:10])}; save estimators of "
            "scikit-learn, LightGBM or XGBoost with columns by name: no functions, no classes of your own",
            reason="ModelUnreadable",
        ) from error
    except LoadRefused as error:
        raise UserCodeFailed(f"output/{name} cannot be used: {error}", reason="ModelUnreadable") from error
    _refuse_classes(name, pipeline, signature)
    reported, warnings = _reported(places)
    container = request.container
    design = Candidate(estimator=_path(pipeline[-1]), parameters=dict(container.parameters) if container else {})
    summary = {
        "estimator": design.estimator,
        "parameters": design.parameters,
        "image": container.image if container else "",
        "file": name,
        **({"reported": reported} if reported else {}),
    }
    if container is not None and not container.fetch:
        warnings.append("the code got its data by itself: whether it has seen rows of the hold-out is not known")
    if container is not None and "@sha256:" not in container.image:
        warnings.append(f"the image {container.image} is named by a tag, which may point to other code tomorrow")
    threshold = DEFAULT_THRESHOLD if signature.task == "Binary" and hasattr(pipeline, "predict_proba") else None
    return Left(Chosen(design, pipeline, threshold, summary, warnings, known=False), name)


def _model(places: Places) -> tuple[str, bytes]:
    for name in MODELS:
        try:
            body = plain_bytes(places.run, OUTPUT, name, most=MOST_MODEL)
        except NotPlain as error:
            raise UserCodeFailed(f"output/{name} cannot be used: {error}", reason="ModelUnreadable") from error
        if body is not None:
            return name, body
    raise UserCodeFailed(
        f"the code ended well and left no model: none of {', '.join(MODELS)} is in output/ of the run folder",
        reason="ModelMissing",
    )


def _refuse_classes(name: str, pipeline: Any, signature: Signature) -> None:
    """A classifier that learned labels instead of codes would answer in another order than the signature says."""
    if signature.classes is None or signature.task == "Outlier":
        return
    found = getattr(pipeline, "classes_", None)
    wanted = list(range(len(signature.classes)))
    if found is None or np.asarray(found).tolist() != wanted:
        shown = "none" if found is None else str(np.asarray(found).tolist()[:10])
        raise UserCodeFailed(
            f"output/{name}: its classes are {shown}, expected {wanted}; fit on the codes that data/train.parquet "
            "holds in the target column (positions in `classes` of request.json), not on labels",
            reason="ModelUnreadable",
        )


def _reported(places: Places) -> tuple[dict[str, float], list[str]]:
    """What the code says of its model; shown as its word, never judged by."""
    try:
        body = plain_bytes(places.run, OUTPUT, REPORTED_METRICS, most=MOST_METRICS)
        if body is None:
            return {}, []
        told = json.loads(body)
        numbers = {str(k)[:63]: float(v) for k, v in told.items() if _is_number(v)}
    except (OSError, ValueError, AttributeError, RecursionError):
        return {}, ["output/metrics.json is not read: expected one JSON object of names and numbers"]
    return dict(list(numbers.items())[:MOST_REPORTED]), []


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _path(estimator: Any) -> str:
    """Dotted path of a class, as people know it."""
    kind = type(estimator)
    return ".".join(part for part in kind.__module__.split(".") if not part.startswith("_")) + f".{kind.__qualname__}"
