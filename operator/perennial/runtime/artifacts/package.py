"""Writing a fitted pipeline as an artifact that a server can load without trusting it, and proving that it can."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from perennial.api.records.run import Artifact
from perennial.api.records.signature import Signature
from perennial.runtime.artifacts.answers import output_tensors
from perennial.runtime.artifacts.canonical import canonical_skops
from perennial.runtime.artifacts.columns import Columns, canonicalise
from perennial.runtime.artifacts.construct import loads
from perennial.runtime.artifacts.digests import MODEL_FILES, artifact_digest
from perennial.runtime.artifacts.errors import NotPackable, UntrustedType
from perennial.runtime.artifacts.fast import fast_forms
from perennial.runtime.artifacts.model import load_model
from perennial.runtime.artifacts.scoring.pipeline import SCORES, PipelineScorer

FORMATS = {"model.skops": "skops", "model.onnx": "onnx", "model.txt": "lightgbm", "model.json": "xgboost"}


@dataclass(frozen=True, slots=True)
class Packaged:
    """What was written."""

    artifact: Artifact
    signature: Signature  # with outputs, and the answers to its example row
    files: tuple[str, ...]  # names in the folder, signature.json included


def save_model(pipeline: Any, signature: Signature, folder: Path | str, *, holdout: Columns) -> Packaged:
    """Write model.skops, signature.json and whatever faster forms prove to be the same model.

    Args:
        pipeline: fitted, from `build_pipeline`; its step `model` may be wrapped, for calibration say.
        signature: as inferred, with `threshold` and `positive_class` set where there are any.
        folder: must exist; files of the same names are replaced.
        holdout: canonical rows that the faster forms are compared on.

    Raises:
        NotPackable: a part of the model cannot be stored without pickle.
    """
    folder = Path(folder)
    files = {"model.skops": _skops(pipeline)}
    reloaded = PipelineScorer(loads(files["model.skops"]), signature)
    _check_reload(pipeline, reloaded, signature, holdout)
    signature = _completed(signature, reloaded)
    fast = fast_forms(pipeline, reloaded, signature, holdout)
    files |= {**fast.files, **_native(pipeline[-1])}
    artifact = Artifact(
        digest=artifact_digest(files),
        formats=sorted({FORMATS[name] for name in files if name in FORMATS}, key=list(FORMATS.values()).index),
        bytes=sum(map(len, files.values())),
        onnx=fast.verdict,
        onnx_reason=fast.reason,
    )
    for name in MODEL_FILES:
        (folder / name).unlink(missing_ok=True)
    for name, body in files.items():
        (folder / name).write_bytes(body)
    signature = _answered(folder, signature, artifact)
    (folder / "signature.json").write_bytes(signature.to_json())
    return Packaged(artifact, signature, (*files, "signature.json"))


def _native(estimator: Any) -> dict[str, bytes]:
    """The library's own file of a boosted model, for tools that read nothing else. No path of ours loads it."""
    package = type(estimator).__module__.partition(".")[0]
    if package == "lightgbm":
        return {"model.txt": estimator.booster_.model_to_string().encode()}
    if package == "xgboost":
        return {"model.json": bytes(estimator.get_booster().save_raw("json"))}
    return {}


def _skops(pipeline: Any) -> bytes:
    try:
        return canonical_skops(pipeline)
    except UntrustedType as error:
        raise NotPackable(
            f"the fitted model holds {', '.join(error.names)}, which is not stored without pickle"
        ) from None
    except (TypeError, ValueError) as error:
        raise NotPackable(f"a part of the fitted model cannot be stored without pickle: {error}") from error


def _check_reload(pipeline: Any, reloaded: PipelineScorer, signature: Signature, rows: Columns) -> None:
    wanted = reloaded.scores
    before = PipelineScorer(pipeline, signature).score(rows, wanted)
    after = reloaded.score(rows, wanted)
    for name in wanted:
        if not np.array_equal(before[name], after[name], equal_nan=True):
            raise NotPackable(f"{name} of the stored model differs from the fitted one: a part was lost in storing")


def _completed(signature: Signature, scorer: PipelineScorer) -> Signature:
    example = canonicalise([signature.example], signature)
    scores = scorer.score(example, frozenset(name for name in SCORES if name in scorer.scores))
    return signature.model_copy(update={"outputs": output_tensors(signature, scores)})


def _answered(folder: Path, signature: Signature, artifact: Artifact) -> Signature:
    """Record what the loaded model answers to its example: the reference path and the fast one agree by now."""
    model = load_model(folder, signature, artifact)
    names = frozenset(output.name for output in signature.outputs)
    answers = model.predict(model.canonicalise([signature.example]), names)
    return signature.model_copy(update={"example_outputs": {name: answers[name].tolist() for name in sorted(names)}})
