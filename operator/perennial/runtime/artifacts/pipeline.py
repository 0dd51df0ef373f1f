"""Builds the scikit-learn pipeline: a ColumnTransformer by the plan, then the estimator.

Everything in it can be stored without pickle. The class codes of `encode_target` are what a classifier is fitted on.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)

from perennial.api.records.run import TaskType
from perennial.api.records.signature import Signature
from perennial.runtime.artifacts.columns import Columns
from perennial.runtime.artifacts.errors import EstimatorProblem
from perennial.runtime.artifacts.estimators import innermost, needs_of, resolve_estimator
from perennial.runtime.artifacts.instants import PARTS
from perennial.runtime.artifacts.plan import Group, Treatment, describe, plan_columns
from perennial.runtime.artifacts.signatures import class_names
from perennial.runtime.artifacts.steps import DateParts

TARGET_TYPES: Mapping[TaskType, str] = {"Binary": "binary", "Multiclass": "multiclass", "Regression": "continuous"}

TARGET_FOLDS = 5
"""A row's own target never enters its encoding."""

SCALERS = {
    "standard": StandardScaler,
    "minMax": lambda: MinMaxScaler(clip=True),
    "robust": RobustScaler,
}

IMPUTERS = {"median": "median", "mean": "mean", "mostFrequent": "most_frequent", "constant": "constant"}


def build_pipeline(
    signature: Signature,
    estimator: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    seed: int = 42,
    preprocess: Sequence[Any] = (),
) -> Pipeline:
    """An unfitted Pipeline of two steps, `preprocess` and `model`. Fit it on `frame(columns, signature)`.

    Args:
        estimator: dotted path, see `resolve_estimator`.
        parameters: its keyword arguments as JSON. A mapping with the key `estimator` (and `parameters`) stands for an
            estimator, so that stacks and bags can be written.
        preprocess: `preprocess.steps` of the spec.

    Raises:
        EstimatorProblem: unknown estimator or parameter, or a step that does not fit its column.
    """
    model = make_estimator(estimator, parameters or {}, seed=seed, signature=signature)
    needs = needs_of(model, supervised=signature.task != "Outlier")
    groups = plan_columns(signature, needs, preprocess)
    entries = [(_entry_name(i, g), _transformer(g, signature, seed), list(g.columns)) for i, g in enumerate(groups)]
    transformer = ColumnTransformer(entries, remainder="drop", sparse_threshold=0, verbose_feature_names_out=False)
    _tell_categories(model, groups, signature)
    return Pipeline([("preprocess", transformer), ("model", model)])


def describe_pipeline(
    signature: Signature, estimator: str, parameters: Mapping[str, Any] | None = None, *, preprocess: Sequence[Any] = ()
) -> list[dict[str, Any]]:
    """Every step that `build_pipeline` would take, as JSON values for report and card."""
    model = make_estimator(estimator, parameters or {}, seed=0, signature=signature)
    return describe(plan_columns(signature, needs_of(model, supervised=signature.task != "Outlier"), preprocess))


def frame(columns: Columns, signature: Signature) -> pd.DataFrame:
    """Canonical columns as the DataFrame that the pipeline selects from. Text stays object, so None stays missing."""
    series = {c.name: pd.Series(columns[c.name], dtype=columns[c.name].dtype, copy=False) for c in signature.inputs}
    return pd.DataFrame(series, copy=False)


def make_estimator(path: str, parameters: Mapping[str, Any], *, seed: int, signature: Signature | None = None) -> Any:
    """An unfitted estimator with the seed in every `random_state`.

    Raises:
        EstimatorProblem: a parameter that the estimator has not; the message lists those it has.
    """
    cls = resolve_estimator(path)
    known = _parameters_of(cls)
    for name in parameters:
        if name not in known:
            raise EstimatorProblem(f'"{path}" has no parameter "{name}"; it has {", ".join(sorted(known))}')
    given = {name: _nested(value, seed) for name, value in parameters.items()}
    given = _defaults(path, known, seed) | given
    if signature is not None and isinstance(given.get("class_weight"), Mapping):
        given["class_weight"] = _weights_by_code(given["class_weight"], signature)
    try:
        return cls(**given)
    except TypeError as error:
        raise EstimatorProblem(f'"{path}" cannot be made: {error}') from None


def _defaults(path: str, known: set[str], seed: int) -> dict[str, Any]:
    """What must differ from the library's defaults, for determinism or because it could not predict otherwise."""
    defaults: dict[str, Any] = {"random_state": seed} if "random_state" in known else {}
    if path.endswith(".LocalOutlierFactor"):
        defaults["novelty"] = True  # without it there is no predict for new rows
    if path.startswith("lightgbm."):
        defaults |= {"deterministic": True, "force_row_wise": True, "verbosity": -1}
    return defaults


def _parameters_of(cls: type) -> set[str]:
    names = set(inspect.signature(cls).parameters) - {"args", "kwargs"}
    if cls.__module__.startswith(("lightgbm", "xgboost")):
        for parent in cls.__mro__:
            names |= set(inspect.signature(parent).parameters) - {"args", "kwargs"}
    if cls.__module__.startswith("lightgbm"):
        names |= {"deterministic", "force_row_wise", "verbosity", "max_bin", "min_data_in_bin", "feature_fraction"}
        names |= {"cat_smooth", "cat_l2", "max_cat_to_onehot", "min_data_per_group", "linear_tree", "extra_trees"}
    return names


def _nested(value: Any, seed: int) -> Any:
    if isinstance(value, Mapping) and "estimator" in value and set(value) <= {"estimator", "parameters"}:
        return make_estimator(value["estimator"], value.get("parameters") or {}, seed=seed)
    if isinstance(value, list) and value and all(isinstance(v, list) and len(v) == 2 for v in value):
        return [(name, _nested(inner, seed)) for name, inner in value]
    return value


def _weights_by_code(weights: Mapping[str, Any], signature: Signature) -> dict[int, float]:
    codes = {name: code for code, name in enumerate(class_names(signature))}
    unknown = sorted(set(map(str, weights)) - set(codes))
    if unknown:
        raise EstimatorProblem(f"class_weight names {', '.join(unknown)}; the classes are {', '.join(codes)}")
    return {codes[str(label)]: float(weight) for label, weight in weights.items()}


def _entry_name(index: int, group: Group) -> str:
    return f"{index}_{group.treatment.kind}"


def _transformer(group: Group, signature: Signature, seed: int) -> Any:
    treatment = group.treatment
    steps: list[Any] = []
    if treatment.kind == "datetime":
        steps.append(DateParts())
    if treatment.impute != "none":
        steps.append(_imputer(treatment))
    if treatment.encode != "none":
        steps.append(_category_encoder(group, signature, seed))
    if treatment.scale != "none":
        steps.append(SCALERS[treatment.scale]())
    if not steps:
        return "passthrough"
    return steps[0] if len(steps) == 1 else make_pipeline(*steps)


def _imputer(treatment: Treatment) -> SimpleImputer:
    text = treatment.kind in ("categorical", "text")
    return SimpleImputer(
        missing_values=None if text else np.nan,
        strategy=IMPUTERS[treatment.impute],
        fill_value=treatment.fill,
        keep_empty_features=True,
    )


def _category_encoder(group: Group, signature: Signature, seed: int) -> Any:
    treatment = group.treatment
    if treatment.encode == "target":
        folds = KFold if signature.task == "Regression" else StratifiedKFold
        folds = folds(TARGET_FOLDS, shuffle=True, random_state=seed)
        return TargetEncoder(target_type=TARGET_TYPES[signature.task], cv=folds)
    by_name = {column.name: column.categories for column in signature.inputs}
    known = [by_name[name] for name in group.columns]
    fill = [str(treatment.fill)] if treatment.impute == "constant" else []
    categories: Any = "auto"
    if treatment.levels is None and all(levels is not None for levels in known):
        categories = [np.array(sorted({*levels, *fill}), dtype=object) for levels in known if levels is not None]
    if treatment.encode == "oneHot":
        limit = {} if treatment.levels is None else {"max_categories": treatment.levels}
        unknown = "ignore" if treatment.levels is None else "infrequent_if_exist"
        return OneHotEncoder(categories=categories, handle_unknown=unknown, sparse_output=False, **limit)
    outside = np.nan if treatment.unknown == "missing" else -1
    return OrdinalEncoder(
        categories=categories,
        handle_unknown="use_encoded_value",
        unknown_value=outside,
        encoded_missing_value=outside,
    )


def _tell_categories(model: Any, groups: Sequence[Group], signature: Signature) -> None:
    """Which columns of the encoded matrix are category codes: the first ones, for `plan_columns` puts them there."""
    codes = sum(len(group.columns) for group in groups if group.treatment.native)
    if not codes:
        return
    inner = innermost(model)
    if type(inner).__module__.startswith("sklearn."):
        inner.set_params(categorical_features=list(range(codes)))
    else:
        others = sum(_width(group, signature) for group in groups if not group.treatment.native)
        inner.set_params(enable_categorical=True, feature_types=["c"] * codes + ["q"] * others)


def _width(group: Group, signature: Signature) -> int:
    """Columns of the encoded matrix that a group becomes."""
    treatment = group.treatment
    if treatment.kind == "datetime":
        return len(PARTS) * len(group.columns)
    if treatment.encode == "target" and signature.task == "Multiclass":
        return len(signature.classes or []) * len(group.columns)
    if treatment.encode != "oneHot":
        return len(group.columns)
    if treatment.levels is not None:
        raise EstimatorProblem(
            f"preprocess: oneHot of {', '.join(group.columns)}: too many levels for XGBoost; use target"
        )
    levels = {column.name: len(column.categories or []) for column in signature.inputs}
    return sum(levels[name] for name in group.columns)
