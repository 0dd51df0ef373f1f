"""Estimators by dotted path: which may be named, what task they are for, and how they want their columns.

Not for building pipelines (pipeline.py).
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from perennial.runtime.artifacts.errors import EstimatorProblem

Task = Literal["classifier", "regressor", "outlier_detector"]

BOOSTERS = {
    "lightgbm": ("LGBMClassifier", "LGBMRegressor"),
    "xgboost": ("XGBClassifier", "XGBRegressor", "XGBRFClassifier", "XGBRFRegressor"),
}
"""Estimators outside scikit-learn. Rankers and the Dask wrappers need more than a table."""

TREES = (
    "DecisionTree", "ExtraTree", "RandomForest", "GradientBoosting", "IsolationForest", "AdaBoost", "Bagging",
)  # fmt: skip
"""Name prefixes of estimators that only ask on which side of a threshold a value lies: ordinal codes, no scaling."""

MANY_TARGETS = ("MultiOutput", "MultiTask", "ClassifierChain", "RegressorChain", "CCA", "PLSCanonical")
"""Name prefixes of estimators that predict several targets at once; a table with one target does not fit them."""


@dataclass(frozen=True, slots=True)
class Needs:
    """How an estimator wants its columns."""

    categories: Literal["mask", "native", "ordinal", "oneHot"]
    levels: int  # a column with more levels is target-encoded
    missing: bool  # accepts NaN
    scaled: bool
    positive: bool  # refuses negative values
    supervised: bool  # has a target to encode with


@cache
def known_estimators() -> Mapping[str, type]:
    """Every estimator that may be named: public dotted path → class."""
    from sklearn.utils.discovery import all_estimators

    found: dict[str, type] = {}
    for name, cls in all_estimators():
        public = ".".join(part for part in cls.__module__.split(".") if not part.startswith("_"))
        path = _importable(public, name, cls)
        if path and _task(cls) and not name.startswith(MANY_TARGETS):
            found[path] = cls
    for package, names in BOOSTERS.items():
        try:
            module = importlib.import_module(package)
        except ImportError:
            continue  # an extra of the trainer image
        found.update({f"{package}.{name}": getattr(module, name) for name in names})
    return found


def resolve_estimator(path: str) -> type:
    """The class behind a dotted path such as `sklearn.ensemble.RandomForestClassifier`.

    Raises:
        EstimatorProblem: not an estimator that may be named; the message gives the nearest one.
    """
    known = known_estimators()
    if path in known:
        return known[path]
    by_name = {p.rsplit(".", 1)[1]: p for p in known}
    last = path.rsplit(".", 1)[-1]
    near = by_name.get(last) or next(iter(difflib.get_close_matches(path, known, n=1, cutoff=0.4)), None)
    hint = f'; did you mean "{near}"?' if near else ""
    raise EstimatorProblem(
        f'estimator "{path}" is not a classifier, regressor or outlier detector of scikit-learn, LightGBM or '
        f"XGBoost for one target{hint}"
    )


def estimator_task(path: str) -> Task:
    """What the estimator is for."""
    task = _task(resolve_estimator(path))
    if task is None:  # pragma: no cover  (known_estimators lists none of these)
        raise EstimatorProblem(f'estimator "{path}" has no task')
    return task


def needs_of(estimator: Any, *, supervised: bool) -> Needs:
    """How this estimator (an instance; wrappers are asked about what they wrap) wants its columns."""
    inner = innermost(estimator)
    name = type(inner).__name__
    package = type(inner).__module__.partition(".")[0]
    tags = estimator.__sklearn_tags__().input_tags
    if package == "lightgbm":  # takes its categories as an argument of fit, which no pipeline hands on
        return Needs("ordinal", 250, missing=True, scaled=False, positive=False, supervised=supervised)
    if package == "xgboost":
        return Needs("native", 250, missing=True, scaled=False, positive=False, supervised=supervised)
    if name.startswith("HistGradientBoosting"):
        return Needs("mask", 250, missing=True, scaled=False, positive=False, supervised=supervised)
    tree = name.startswith(TREES)
    return Needs(
        categories="ordinal" if tree else "oneHot",
        levels=250 if tree else 50,
        missing=bool(tags.allow_nan),
        scaled=not tree,
        positive=bool(tags.positive_only) or name in ("CategoricalNB", "ComplementNB", "MultinomialNB"),
        supervised=supervised,
    )


def innermost(estimator: Any) -> Any:
    """What a wrapper (bag, calibration, threshold) wraps; the estimator itself if it wraps nothing."""
    parameters = estimator.get_params(deep=False)
    inner = next((parameters[name] for name in ("estimator", "regressor") if parameters.get(name) is not None), None)
    return estimator if inner is None else innermost(inner)


def _importable(module: str, name: str, cls: type) -> str | None:
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        path = ".".join(parts[:length])
        try:
            if getattr(importlib.import_module(path), name, None) is cls:
                return f"{path}.{name}"
        except ImportError:
            continue
    return None


def _task(cls: type) -> Task | None:
    """By the mixin: some classes cannot be made without arguments, so instances cannot be asked."""
    from sklearn.base import ClassifierMixin, OutlierMixin, RegressorMixin

    if issubclass(cls, OutlierMixin):
        return "outlier_detector"
    if issubclass(cls, ClassifierMixin):
        return "classifier"
    return "regressor" if issubclass(cls, RegressorMixin) else None
