"""Real artifacts for the tests: fitted, packaged and laid out like a run of the registry, in a folder."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from perennial.api.identities import sha256_digest
from perennial.api.records.run import StoredFile
from perennial.api.records.server import ServerConfig, ServerMonitoring, ServerSettings
from perennial.api.records.signature import Signature
from perennial.runtime.artifacts import (
    FeatureChoice,
    build_pipeline,
    canonicalise,
    encode_target,
    frame,
    infer_signature,
    load_model,
    save_model,
)
from perennial.runtime.monitoring import build_profile

MODEL = "flights"


def numeric_table(rows: int = 600, columns: int = 4, *, seed: int = 0, task: str = "Binary") -> pa.Table:
    """Numbers, and a target that follows from them."""
    random = np.random.default_rng(seed)
    values = random.normal(size=(rows, columns))
    score = values @ np.arange(1.0, columns + 1) + random.normal(scale=0.5, size=rows)
    target = score if task == "Regression" else np.digitize(score, [0.0] if task == "Binary" else [-2.0, 2.0])
    return pa.table({**{f"x{i}": values[:, i] for i in range(columns)}, "y": target})


def mixed_table(rows: int = 600, *, seed: int = 0) -> pa.Table:
    """Text, numbers with gaps, booleans, times, and an identifier."""
    random = np.random.default_rng(seed)
    carrier = random.choice(["AA", "DL", "UA"], rows)
    distance = random.gamma(2, 500, rows)
    late = np.where((carrier == "AA") ^ (distance > 900), "yes", "no")
    gaps = [None if random.random() < 0.05 else float(d) for d in distance]
    start = np.datetime64("2026-01-01T00:00:00", "us")
    times = start + (random.random(rows) * 86_400e6 * 60).astype("timedelta64[us]")
    return pa.table(
        {
            "id": [f"f{i}" for i in range(rows)],
            "carrier": carrier,
            "distance": gaps,
            "night": random.random(rows) < 0.3,
            "at": times,
            "late": late,
        }
    )


def publish(
    registry: Path,
    table: pa.Table,
    *,
    target: str = "y",
    task: Any = "Binary",
    estimator: str = "sklearn.linear_model.LogisticRegression",
    version: str = "7",
    features: FeatureChoice | None = None,
    settings: ServerSettings | None = None,
    monitoring: ServerMonitoring | None = None,
) -> ServerConfig:
    """Fit, package, store, and say how to serve it."""
    labels = table.column(target)
    signature = _signature(table, target, task, estimator, features)
    columns = canonicalise(table, signature)
    pipeline = build_pipeline(signature, estimator)
    pipeline.fit(frame(columns, signature), encode_target(labels, signature))
    attempt = f"runs/r{version}/attempts/pod"
    folder = registry / "ns" / MODEL / attempt
    folder.mkdir(parents=True)
    packaged = save_model(pipeline, signature, folder, holdout=columns)
    outputs = load_model(folder, packaged.signature, packaged.artifact).predict(
        columns, [o.name for o in packaged.signature.outputs]
    )
    profile = build_profile(columns, packaged.signature, holdout_outputs=outputs)
    (folder / "profile.json").write_bytes(profile.to_json())
    return ServerConfig(
        namespace="ns",
        deployment=MODEL,
        deployment_uid="uid-1",
        model=MODEL,
        version=version,
        registry=registry.resolve().as_uri(),
        model_prefix=f"ns/{MODEL}",
        run_digest="sha256:" + "0" * 64,
        artifact_digest=packaged.artifact.digest,
        formats=packaged.artifact.formats,
        files={name: _stored(folder, attempt, name) for name in (*packaged.files, "profile.json")},
        settings=settings or ServerSettings(),
        monitoring=monitoring or ServerMonitoring(),
    )


def _signature(table: pa.Table, target: str, task: Any, estimator: str, features: FeatureChoice | None) -> Signature:
    classes = None if task == "Regression" else sorted(set(table.column(target).to_pylist()))
    inferred = infer_signature(
        table,
        target=target,
        task=task,
        classes=classes,
        positive_class=classes[1] if task == "Binary" and classes else None,
        estimator=estimator,
        features=features,
    )
    return inferred.signature.model_copy(update={"threshold": 0.5 if task == "Binary" else None})


def _stored(folder: Path, attempt: str, name: str) -> StoredFile:
    body = (folder / name).read_bytes()
    return StoredFile(key=f"{attempt}/{name}", sha256=sha256_digest(body), bytes=len(body))
