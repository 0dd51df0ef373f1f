"""What code may leave as its model: three formats, judged by what they hold and not by what they say."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.preprocessing import FunctionTransformer

from perennial.api.records.signature import InputColumn, Signature
from perennial.runtime.training.failures import UserCodeFailed
from perennial.runtime.training.own.places import Places
from perennial.runtime.training.own.reading import left
from perennial.runtime.training.request import request_of

SPEC: dict[str, Any] = {
    "data": {"train": {"uri": "s3://b/d/"}, "target": "y"},
    "container": {"image": "own@sha256:" + "0" * 64, "fetch": True},
}
BINARY = Signature(
    task="Binary",
    inputs=[InputColumn(name=n, kind="numeric", datatype="FP64") for n in ("a", "b")],
    outputs=[],
    classes=["no", "yes"],
    positive_class="yes",
)
SOURCE = np.random.default_rng(1)
X = SOURCE.normal(size=(60, 2))
Y = (X[:, 0] > 0).astype(int)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    made = Places(tmp_path / "run", tmp_path / "private")
    made.output.mkdir(parents=True)
    return made


def write(places: Places, model: Any) -> None:
    (places.output / "model.skops").write_bytes(skops.io.dumps(model))


def refused(places: Places, signature: Signature = BINARY) -> UserCodeFailed:
    with pytest.raises(UserCodeFailed) as caught:
        left(places, request_of(SPEC), signature)
    return caught.value


def test_a_skops_model_is_taken_with_what_its_code_says_of_it(places: Places) -> None:
    write(places, LogisticRegression().fit(X, Y))
    (places.output / "metrics.json").write_text(json.dumps({"f1": 0.9, "note": "mine", "bad": float("inf")}))
    found = left(places, request_of(SPEC), BINARY).chosen
    assert found.summary["reported"] == {"f1": 0.9}
    assert found.summary["estimator"] == "sklearn.linear_model.LogisticRegression"
    assert np.array_equal(found.pipeline.predict(X), LogisticRegression().fit(X, Y).predict(X))
    assert found.warnings == []


def test_an_xgboost_file_is_a_model(places: Places) -> None:
    xgboost = pytest.importorskip("xgboost")
    model = xgboost.XGBClassifier(n_estimators=3, max_depth=2).fit(X, Y)
    model.save_model(places.output / "model.json")
    found = left(places, request_of(SPEC), BINARY).chosen.pipeline
    assert np.allclose(found.predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize("classes", [2, 3])
def test_a_lightgbm_file_is_a_model(places: Places, classes: int) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    codes = Y if classes == 2 else np.arange(60) % 3
    model = lightgbm.LGBMClassifier(n_estimators=3, min_child_samples=5, verbose=-1).fit(X, codes)
    model.booster_.save_model(places.output / "model.txt")
    signature = BINARY if classes == 2 else BINARY.model_copy(update={"task": "Multiclass", "classes": [0, 1, 2]})
    found = left(places, request_of(SPEC), signature).chosen.pipeline
    assert np.allclose(found.predict_proba(X), model.predict_proba(X))
    assert np.array_equal(found.predict(X), model.predict(X))


def test_no_model_is_told_with_the_names_that_were_looked_for(places: Places) -> None:
    error = refused(places)
    assert error.reason == "ModelMissing"
    assert "model.skops, model.json, model.txt" in str(error)


@pytest.mark.parametrize("name", ["model.skops", "model.json", "model.txt"])
def test_bytes_that_are_no_model_are_refused(places: Places, name: str) -> None:
    (places.output / name).write_bytes(b"\x80\x04cos\nsystem\n.")
    assert refused(places).reason == "ModelUnreadable"


def test_a_function_in_a_model_is_refused_by_its_name(places: Places) -> None:
    write(places, FunctionTransformer(json.loads))
    assert "json.decoder" in str(refused(places)) or "json" in str(refused(places))


def test_a_classifier_of_labels_is_refused_and_told_of_codes(places: Places) -> None:
    write(places, LogisticRegression().fit(X, np.where(Y, "yes", "no")))
    assert "expected [0, 1]" in str(refused(places))


def test_a_model_that_is_a_link_is_refused(places: Places) -> None:
    (places.output / "model.skops").symlink_to("/proc/self/environ")
    assert "no plain file" in str(refused(places))


def test_a_tag_and_data_of_its_own_are_warnings(places: Places) -> None:
    write(places, LogisticRegression().fit(X, Y))
    loose = {**SPEC, "container": {"image": "own:latest"}}
    told = " ".join(left(places, request_of(loose), BINARY).chosen.warnings)
    assert "named by a tag" in told
    assert "got its data by itself" in told


def test_a_regression_needs_no_classes(places: Places) -> None:
    write(places, LinearRegression().fit(X, X[:, 0]))
    signature = BINARY.model_copy(update={"task": "Regression", "classes": None})
    assert left(places, request_of(SPEC), signature).chosen.threshold is None
