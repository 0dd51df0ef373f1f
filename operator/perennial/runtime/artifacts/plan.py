"""What is done to each column before the estimator sees it: a pure decision over signature, estimator and spec.

Not for doing it: pipeline.py builds the scikit-learn steps, encoder.py the fast form of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, cast

from perennial.api.records.signature import ColumnKind, InputColumn, Signature
from perennial.runtime.artifacts.errors import EstimatorProblem
from perennial.runtime.artifacts.estimators import Needs
from perennial.runtime.artifacts.signatures import KINDS, MAX_CATEGORIES

Impute = Literal["median", "mean", "mostFrequent", "constant", "none"]
Encode = Literal["oneHot", "ordinal", "target", "none"]
Scale = Literal["standard", "minMax", "robust", "none"]


NOTHING_WRITTEN: dict[str, Any] = dict.fromkeys(("type", "impute", "fillValue", "encode", "scale")) | {"columns": ()}
"""A step of the spec that leaves everything open."""


@dataclass(frozen=True, slots=True)
class Treatment:
    """What is done to one column. Unseen and missing categories get `unknown`."""

    kind: ColumnKind
    impute: Impute = "none"
    fill: float | str | None = None  # of impute "constant"
    encode: Encode = "none"
    unknown: Literal["missing", "minusOne", "zeros", "mean", "none"] = "none"
    native: bool = False  # the estimator splits the codes as categories
    levels: int | None = None  # one-hot: the rarest levels beyond this share one column
    scale: Scale = "none"
    why: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Columns of one treatment: one entry of the ColumnTransformer."""

    columns: tuple[str, ...]
    treatment: Treatment


def plan_columns(signature: Signature, needs: Needs, steps: Sequence[Any] = ()) -> list[Group]:
    """Groups of columns that are treated alike, native categories first, else in signature order.

    Args:
        steps: `preprocess.steps` of the spec (records or mappings, camelCase). Each column takes the first step that
            names it or its type; what a step leaves open is decided as without it.

    Raises:
        EstimatorProblem: a step names a column that is no feature, or asks for what its type does not have.
    """
    written = [_written(step) for step in steps]
    names = {column.name for column in signature.inputs}
    for step in written:
        for name in step["columns"]:
            if name not in names:
                raise EstimatorProblem(f'preprocess: "{name}" is not a feature; the features are {_listed(names)}')
    groups: dict[Treatment, list[str]] = {}
    for column in signature.inputs:
        treatment = _automatic(column, needs)
        first = [step for step in written if _matches(step, column)][:1]
        for step in first:
            treatment = _as_written(column, treatment, step, needs)
        groups.setdefault(treatment, []).append(column.name)
    planned = [Group(tuple(columns), treatment) for treatment, columns in groups.items()]
    return sorted(planned, key=lambda group: not group.treatment.native)


def describe(groups: Iterable[Group]) -> list[dict[str, Any]]:
    """The plan as JSON values, for report and card: one entry per group, what is not done left out."""
    silent = ("none", None, "", False)
    return [
        {"columns": list(group.columns), **{k: v for k, v in asdict(group.treatment).items() if v not in silent}}
        for group in groups
    ]


def _automatic(column: InputColumn, needs: Needs) -> Treatment:
    scale: Scale = "minMax" if needs.positive else "standard" if needs.scaled else "none"
    if column.kind in ("categorical", "text"):
        return _category(column, needs)
    impute: Impute = "none" if needs.missing else "mostFrequent" if column.kind == "boolean" else "median"
    why = "the estimator reads missing values itself" if needs.missing else "the estimator refuses missing values"
    return Treatment(kind=column.kind, impute=impute, scale=scale, why=why)


def _category(column: InputColumn, needs: Needs) -> Treatment:
    count = MAX_CATEGORIES + 1 if column.categories is None else len(column.categories)
    if count > needs.levels and needs.supervised:
        return _encoded(column, "target", needs, f"more than {needs.levels} levels")
    if needs.categories == "oneHot":
        return _encoded(column, "oneHot", needs, f"up to {needs.levels} levels")
    return _encoded(column, "ordinal", needs, "the estimator splits codes")


def _encoded(column: InputColumn, encode: Encode, needs: Needs, why: str) -> Treatment:
    scale: Scale = "minMax" if needs.positive else "standard" if needs.scaled else "none"
    if encode == "target":
        return Treatment("categorical", encode=encode, unknown="mean", scale=scale, why=why)
    if encode == "oneHot":
        many = column.categories is None or len(column.categories) > needs.levels
        levels = needs.levels if many else None
        return Treatment("categorical", encode=encode, unknown="zeros", levels=levels, why=why)
    native = needs.categories in ("mask", "native") and column.categories is not None
    unknown: Literal["missing", "minusOne"] = "missing" if native else "minusOne"
    return Treatment("categorical", encode=encode, unknown=unknown, native=native, scale=scale, why=why)


def _written(step: Any) -> dict[str, Any]:
    given = step if isinstance(step, Mapping) else step.model_dump(by_alias=True)
    return NOTHING_WRITTEN | {k: v for k, v in given.items() if v is not None}


def _matches(step: Mapping[str, Any], column: InputColumn) -> bool:
    if column.name in step["columns"]:
        return True
    return step["type"] is not None and not step["columns"] and KINDS[step["type"]] == column.kind


def _as_written(column: InputColumn, auto: Treatment, step: Mapping[str, Any], needs: Needs) -> Treatment:
    text = column.kind in ("categorical", "text")
    if step["encode"] not in (None, "none") and not text:
        raise EstimatorProblem(
            f'preprocess: encode "{step["encode"]}" is for categories, but "{column.name}" is {column.kind}; '
            f"declare it as a category in data.features.types"
        )
    if text and step["encode"] == "none":
        raise EstimatorProblem(f'preprocess: "{column.name}" is text and needs an encoding: oneHot, ordinal or target')
    if text and step["impute"] in ("median", "mean"):
        raise EstimatorProblem(f'preprocess: "{column.name}" is text; impute it with mostFrequent or constant')
    if step["encode"] == "target" and not needs.supervised:
        raise EstimatorProblem(f'preprocess: encode "target" for "{column.name}" needs a target to learn from')
    result = _encoded(column, cast(Encode, step["encode"]), needs, "") if step["encode"] else auto
    if step["impute"]:
        fill = step["fillValue"] if step["impute"] == "constant" else None
        if step["impute"] == "constant" and (fill is None or isinstance(fill, str) != text):
            raise EstimatorProblem(f'preprocess: "{column.name}" needs a fillValue of its own type, got {fill!r}')
        result = replace(result, impute=step["impute"], fill=fill)
    if step["scale"]:
        result = replace(result, scale=step["scale"])
    return replace(result, why="as written in preprocess.steps")


def _listed(names: Iterable[str]) -> str:
    shown = sorted(names)
    return ", ".join(shown[:20]) + (" …" if len(shown) > 20 else "")
