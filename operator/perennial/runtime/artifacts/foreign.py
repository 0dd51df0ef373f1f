"""Models that somebody else's code has written, read as carefully as any: no pickle, no type that is not on the list.

What comes out is a pipeline like those of `pipeline.py`, to be judged and packaged (again) by `save_model`.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from perennial.api.records.run import TaskType
from perennial.runtime.artifacts.canonical import repack
from perennial.runtime.artifacts.construct import loads
from perennial.runtime.artifacts.errors import HostileArtifact


def foreign_pipeline(name: str, body: bytes, *, task: TaskType, classes: int) -> Any:
    """The model in a file.

    Args:
        name: `model.skops` (any scikit-learn estimator), `model.json` (XGBoost) or `model.txt` (LightGBM).
        task: what it predicts.
        classes: how many classes it knows; 0 for anything but a classifier.

    Returns:
        a fitted scikit-learn Pipeline whose last step is the estimator.

    Raises:
        LoadRefused: the file is no such model, or names a type that no server would load.
    """
    readers = {"model.skops": _skops, "model.json": _xgboost, "model.txt": _lightgbm}
    found = readers[name](body, task, classes)
    from sklearn.pipeline import Pipeline

    return found if isinstance(found, Pipeline) else Pipeline([("model", found)])


def _skops(body: bytes, task: TaskType, classes: int) -> Any:
    return loads(repack(body))


def _xgboost(body: bytes, task: TaskType, classes: int) -> Any:
    import xgboost

    model = xgboost.XGBRegressor() if task == "Regression" else xgboost.XGBClassifier()
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        Path(file.name).write_bytes(body)
        try:
            model.load_model(file.name)
        except (xgboost.core.XGBoostError, TypeError, ValueError, KeyError) as error:
            raise HostileArtifact(f"model.json is no XGBoost model: {str(error).splitlines()[0][:300]}") from error
    return model


def _lightgbm(body: bytes, task: TaskType, classes: int) -> Any:
    """LightGBM has no way from a model file to its estimators: the parts that a fit leaves are set as a fit does."""
    import lightgbm
    from sklearn.preprocessing import LabelEncoder

    try:
        booster = lightgbm.Booster(model_str=body.decode("utf-8", errors="replace"))
    except lightgbm.basic.LightGBMError as error:
        raise HostileArtifact(f"model.txt is no LightGBM model: {str(error)[:300]}") from error
    model = lightgbm.LGBMRegressor() if task == "Regression" else lightgbm.LGBMClassifier()
    model._Booster, model.fitted_ = booster, True
    model._n_features = model._n_features_in = booster.num_feature()
    if task != "Regression":
        labels = np.arange(classes)
        model._le = LabelEncoder().fit(labels)
        model._classes, model._n_classes = labels, classes
        model._objective = "binary" if classes == 2 else "multiclass"
        model._class_map = {label: label for label in labels}
    return model
