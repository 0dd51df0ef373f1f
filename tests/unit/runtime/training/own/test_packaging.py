"""Pipelines that are put together in ways of their own are packaged all the same, and answer as they did."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import skops.io
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from perennial.runtime.artifacts import canonicalise, foreign_pipeline, frame, infer_signature, load_model, save_model

SOURCE = np.random.default_rng(3)
TABLE = pa.table({"a": SOURCE.normal(size=200), "b": SOURCE.normal(size=200)})
Y = (np.asarray(TABLE["a"]) + SOURCE.normal(size=200) * 0.3 > 0).astype(int)


def skops_file(model: Any) -> tuple[str, bytes]:
    return "model.skops", skops.io.dumps(model)


def bare(table: Any) -> tuple[str, bytes]:
    return skops_file(LogisticRegression().fit(table, Y))


def with_a_step_without_columns(table: Any) -> tuple[str, bytes]:
    empty = make_column_transformer((StandardScaler(), ["a", "b"]), (OneHotEncoder(max_categories=5), []))
    return skops_file(make_pipeline(empty, LogisticRegression()).fit(table, Y))


def by_position(table: Any) -> tuple[str, bytes]:
    placed = make_column_transformer((StandardScaler(), [0]), remainder="passthrough")
    return skops_file(make_pipeline(placed, HistGradientBoostingClassifier(max_iter=5)).fit(table, Y))


def dropped(table: Any) -> tuple[str, bytes]:
    chosen = make_column_transformer(("passthrough", ["a"]), ("drop", ["b"]))
    return skops_file(make_pipeline(chosen, LogisticRegression()).fit(table, Y))


def of_xgboost(table: Any) -> tuple[str, bytes]:
    xgboost = pytest.importorskip("xgboost")
    model = xgboost.XGBClassifier(n_estimators=3).fit(table, Y)
    return "model.json", bytes(model.get_booster().save_raw("json"))


def of_lightgbm(table: Any) -> tuple[str, bytes]:
    lightgbm = pytest.importorskip("lightgbm")
    model = lightgbm.LGBMClassifier(n_estimators=3, verbose=-1).fit(table, Y)
    return "model.txt", model.booster_.model_to_string().encode()


@pytest.mark.parametrize(
    "made", [bare, with_a_step_without_columns, by_position, dropped, of_xgboost, of_lightgbm], ids=lambda f: f.__name__
)
def test_a_model_is_packaged_loaded_and_answers_as_before(
    made: Callable[[Any], tuple[str, bytes]], tmp_path: Path
) -> None:
    with_target = TABLE.append_column("y", pa.array(Y))
    signature = infer_signature(
        with_target, target="y", task="Binary", classes=[0, 1], positive_class=1
    ).signature.model_copy(update={"threshold": 0.5})
    columns = canonicalise(TABLE, signature)
    rows = frame(columns, signature)
    name, body = made(rows)
    pipeline = foreign_pipeline(name, body, task="Binary", classes=2)
    expected = pipeline.predict_proba(rows)
    packaged = save_model(pipeline, signature, tmp_path, holdout=columns)
    loaded = load_model(tmp_path, packaged.signature, packaged.artifact)
    loaded.warm_up()
    assert np.allclose(loaded.predict(columns, ["predict_proba"])["predict_proba"], expected, atol=1e-5)
