"""The models that are served in the benchmark: ours packaged as a run, the peers' as a joblib file, of the same fit."""

from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pyarrow as pa
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from perennial.api.identities import sha256_digest
from perennial.api.records.run import StoredFile
from perennial.api.records.server import ServerConfig
from perennial.runtime.artifacts import (
    build_pipeline,
    canonicalise,
    encode_target,
    frame,
    infer_signature,
    load_model,
    make_estimator,
    save_model,
)
from perennial.runtime.monitoring import build_profile

FEATURES = 30
MODELS = {
    "logistic": ("sklearn.linear_model.LogisticRegression", {}),
    "histgb": ("sklearn.ensemble.HistGradientBoostingClassifier", {}),
    "forest": ("sklearn.ensemble.RandomForestClassifier", {"n_estimators": 100}),
}


def table(rows: int = 5000) -> pa.Table:
    """Numbers and a binary target."""
    random = np.random.default_rng(7)
    values = random.normal(size=(rows, FEATURES))
    target = (values @ random.normal(size=FEATURES) + random.normal(size=rows) > 0).astype(int)
    return pa.table({**{f"x{i}": values[:, i] for i in range(FEATURES)}, "y": target})


def for_peers(name: str, folder: Path) -> Path:
    """The same estimator behind a scaler, as the peers' own loaders take it."""
    folder.mkdir(parents=True, exist_ok=True)
    data = table()
    values = np.column_stack([data.column(f"x{i}").to_numpy() for i in range(FEATURES)])
    path, parameters = MODELS[name]
    pipeline = make_pipeline(StandardScaler(), make_estimator(path, parameters, seed=1))
    pipeline.fit(values, data.column("y").to_numpy())
    file = folder / "model.joblib"
    joblib.dump(pipeline, file)
    return file


def for_ours(name: str, registry: Path) -> ServerConfig:
    """A run in a folder, with everything on: profile, windows."""
    path, parameters = MODELS[name]
    data = table()
    inferred = infer_signature(data, target="y", task="Binary", classes=[0, 1], positive_class=1, estimator=path)
    signature = inferred.signature.model_copy(update={"threshold": 0.5})
    columns = canonicalise(data, signature)
    pipeline = build_pipeline(signature, path, parameters).fit(
        frame(columns, signature), encode_target(data.column("y"), signature)
    )
    folder = registry / "bench" / name / "runs" / "r"
    folder.mkdir(parents=True, exist_ok=True)
    packaged = save_model(pipeline, signature, folder, holdout=columns)
    outputs: Any = load_model(folder, packaged.signature, packaged.artifact).predict(
        columns, ["predict", "predict_proba"]
    )
    (folder / "profile.json").write_bytes(build_profile(columns, packaged.signature, holdout_outputs=outputs).to_json())
    return ServerConfig(
        namespace="bench",
        deployment=name,
        deployment_uid="bench",
        model=name,
        registry=registry.resolve().as_uri(),
        model_prefix=f"bench/{name}",
        artifact_digest=packaged.artifact.digest,
        formats=packaged.artifact.formats,
        files={n: _stored(folder, n) for n in (*packaged.files, "profile.json")},
    )


def _stored(folder: Path, name: str) -> StoredFile:
    body = (folder / name).read_bytes()
    return StoredFile(key=f"runs/r/{name}", sha256=sha256_digest(body), bytes=len(body))
