"""Models as files: canonical columns, signatures, pipelines, packaging without pickle, and loading what may be hostile.

Names are imported when they are first used, so that a server that needs no scikit-learn does not load it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from perennial.runtime.artifacts.columns import (
    Canonicaliser,
    Columns,
    NumericColumns,
    canonicalise,
    concatenate,
    missing,
    rows_of,
)
from perennial.runtime.artifacts.errors import (
    ArtifactError,
    DigestMismatch,
    EstimatorProblem,
    HostileArtifact,
    InputProblem,
    LoadRefused,
    NotPackable,
    UntrustedType,
    WarmUpMismatch,
)
from perennial.runtime.artifacts.model import Model, load_model

if TYPE_CHECKING:
    from perennial.runtime.artifacts.canonical import repack
    from perennial.runtime.artifacts.digests import artifact_digest
    from perennial.runtime.artifacts.estimators import estimator_task, known_estimators, resolve_estimator
    from perennial.runtime.artifacts.foreign import foreign_pipeline
    from perennial.runtime.artifacts.package import Packaged, save_model
    from perennial.runtime.artifacts.pipeline import build_pipeline, describe_pipeline, frame, make_estimator
    from perennial.runtime.artifacts.signatures import (
        FeatureChoice,
        Inferred,
        classes_of,
        encode_target,
        infer_signature,
    )

LAZY = {
    "repack": "canonical",
    "artifact_digest": "digests",
    "estimator_task": "estimators",
    "known_estimators": "estimators",
    "resolve_estimator": "estimators",
    "foreign_pipeline": "foreign",
    "Packaged": "package",
    "save_model": "package",
    "build_pipeline": "pipeline",
    "describe_pipeline": "pipeline",
    "frame": "pipeline",
    "make_estimator": "pipeline",
    "FeatureChoice": "signatures",
    "Inferred": "signatures",
    "classes_of": "signatures",
    "encode_target": "signatures",
    "infer_signature": "signatures",
}

__all__ = [
    "ArtifactError",
    "Canonicaliser",
    "Columns",
    "DigestMismatch",
    "EstimatorProblem",
    "FeatureChoice",
    "HostileArtifact",
    "Inferred",
    "InputProblem",
    "LoadRefused",
    "Model",
    "NotPackable",
    "NumericColumns",
    "Packaged",
    "UntrustedType",
    "WarmUpMismatch",
    "artifact_digest",
    "build_pipeline",
    "canonicalise",
    "classes_of",
    "concatenate",
    "describe_pipeline",
    "encode_target",
    "estimator_task",
    "foreign_pipeline",
    "frame",
    "infer_signature",
    "known_estimators",
    "load_model",
    "make_estimator",
    "missing",
    "repack",
    "resolve_estimator",
    "rows_of",
    "save_model",
]


def __getattr__(name: str) -> Any:
    if name in LAZY:
        return getattr(import_module(f"{__name__}.{LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
