"""The four identities that everything else follows from: data digest, runKey, run digest, revisionKey.

Pure functions of JSON values. They are costly to change once objects are stored: tests pin their values.
Digests are written `sha256:<64 hex>`; keys (`runKey`, `revisionKey`) are bare hex, for they appear in names.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

TRAINING_FORMAT = 1
"""Raised when the trainer changes in a way that makes the same inputs give another model."""

RUN_FIELDS = ("data", "preprocess", "algorithm", "container", "workload", "seed")
"""Fields of ModelTraining.spec that change the result. Everything else acts on the next Job or re-judges."""

NOT_OF_THE_RESULT = {
    "data": ("secretRef",),
    "container": ("resources",),
    "algorithm": ("search.parallelism",),
}
"""Parts of those fields that say how to reach something, not what it is."""

VERBATIM = ("parameters",)
"""Maps of somebody else's arguments: there `null` and empty are values (`max_features: null` takes all features)."""


def canonical_json(value: Any) -> bytes:
    """The one byte form of a JSON value: sorted keys, no spaces, UTF-8, no NaN.

    Raises:
        ValueError: the value holds NaN or an infinity, which JSON has not.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def sha256_digest(body: bytes) -> str:
    """`sha256:<64 hex>` of some bytes."""
    return "sha256:" + hashlib.sha256(body).hexdigest()


def digest_of(value: Any) -> str:
    """`sha256:<64 hex>` of a JSON value in its canonical form."""
    return sha256_digest(canonical_json(value))


def bare(digest: str) -> str:
    """The hex part of a digest, as it stands in storage keys and names."""
    return digest.removeprefix("sha256:")


@dataclass(frozen=True, slots=True)
class InputObject:
    """One object of a data set: what a listing says of it."""

    key: str  # relative to the data's URI
    size: int  # bytes
    etag: str = ""
    version_id: str = ""
    sha256: str = ""  # only when the store gives neither version id nor ETag

    @property
    def identity(self) -> list[Any]:
        """Key, size and the strongest content mark that the store gives."""
        return [self.key, self.size, self.version_id or self.etag or self.sha256]


def data_digest(objects: Iterable[InputObject], *, start: str | None = None, end: str | None = None) -> str:
    """Digest over the sorted manifest of the input objects plus row bounds, when given (ISO 8601, UTC)."""
    manifest = sorted(o.identity for o in objects)
    bounds = {k: v for k, v in (("from", start), ("to", end)) if v is not None}
    return digest_of({"objects": manifest, **bounds})


def result_fields(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a ModelTraining.spec (camelCase, defaults filled in or not) that changes the result.

    Absent, null and empty are one and the same, so that writing a default out changes no identity where
    the default is "nothing".
    """
    fields = {name: spec[name] for name in RUN_FIELDS if name in spec}
    return {
        k: v for k, v in ((n, _pruned(v, NOT_OF_THE_RESULT.get(n, ()))) for n, v in fields.items()) if v is not None
    }


def _pruned(value: Any, drop: tuple[str, ...] = ()) -> Any:
    if isinstance(value, Mapping):
        inner = {k: tuple(d.removeprefix(f"{k}.") for d in drop if d.startswith(f"{k}.")) for k in value}
        kept = {k: (v or None) if k in VERBATIM else _pruned(v, inner[k]) for k, v in value.items() if k not in drop}
        return {k: v for k, v in kept.items() if v is not None} or None
    if isinstance(value, list | tuple):
        return [_pruned(v) for v in value] or None
    return value


def run_key(spec: Mapping[str, Any], *, model: str, retrain: str | None = None) -> str:
    """Which result a ModelTraining asks for, known before anything is read. 64 hex.

    Args:
        spec: ModelTraining.spec as JSON. Normalise it first (`ModelTrainingSpec.normalised()`).
        model: the registry name: the stable-hash split is salted with it.
        retrain: the value of the annotation `perennial.dev/retrain`.
    """
    return bare(digest_of({"fields": result_fields(spec), "model": model, "retrain": retrain}))


def environment_digest(python: str, distributions: Mapping[str, str]) -> str:
    """Digest of what executes a run: Python minor, `name==version` of what affects results, training format."""
    lines = sorted(f"{name.lower()}=={version}" for name, version in distributions.items())
    return digest_of({"python": python, "distributions": lines, "trainingFormat": TRAINING_FORMAT})


def run_digest(
    spec: Mapping[str, Any], *, model: str, data: str, environment: str, code_revision: str | None = None
) -> str:
    """The address of a run and its cache key: data digest + result fields + seed + environment (+ code revision).

    The URI and the pin of the data are left out: the data digest stands for them, so that a copy of the same
    objects under the same relative keys is the same data.
    """
    fields = result_fields(spec)
    source = {k: v for k, v in (fields.get("data") or {}).items() if k != "train"}
    train = {k: v for k, v in ((fields.get("data") or {}).get("train") or {}).items() if k in ("format", "include")}
    fields = {**fields, "data": {**source, "train": train}}
    return digest_of(
        {"fields": fields, "model": model, "data": data, "environment": environment, "code": code_revision}
    )


def revision_key(artifact: str, server: Mapping[str, Any] | None, template: Mapping[str, Any] | None) -> str:
    """Which serving revision a ModelDeployment asks for: artifact digest + `server` + `template`. 64 hex.

    `server.runtimeUpdate` is left out: it says when a new server image is taken, not which pods run.
    """
    parts = {
        "artifact": artifact,
        "server": _pruned(server or {}, ("runtimeUpdate",)),
        "template": _pruned(template or {}),
    }
    return bare(digest_of(parts))
