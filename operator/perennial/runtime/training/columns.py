"""Which columns of a data set are read, and which part each plays. Decided on names alone, before any data is read."""

from collections.abc import Sequence

from perennial.runtime.training.failures import DataRefused, nearest
from perennial.runtime.training.request import Request


def features_of(request: Request, names: Sequence[str]) -> list[str]:
    """The feature columns, in the table's order: `include`, or all without the special ones; never the excluded.

    Raises:
        DataRefused: a column that the spec names is not there, or nothing is left.
    """
    check_named(request, names)
    special = request.features
    never = {request.target, special.id_column, special.sample_weight_column, *special.exclude}
    wanted = set(special.include) or set(names) - {special.time_column}
    left = [name for name in names if name in wanted - never]
    if not left:
        raise DataRefused(
            f"data.features: no column is left to learn from; the data has {', '.join(names) or 'no columns'}",
            reason="NoFeatures",
        )
    return left


def needed(request: Request, names: Sequence[str]) -> list[str]:
    """All columns that a run reads: features, and what target, id, time, weight, group, slices and checks name."""
    merely_described = ("data.features.exclude", "data.features.types")
    used = {name for field, name in _named(request) if field not in merely_described}
    return [name for name in names if name in used.union(features_of(request, names))]


def check_named(request: Request, names: Sequence[str]) -> None:
    """Every column that the spec names must be there.

    Raises:
        DataRefused: one is not; the message names field and column and offers the nearest names.
    """
    for field, name in _named(request):
        if name not in names:
            raise DataRefused(
                f"{field} names the column {name!r}, which the data has not; {nearest(name, names)}",
                reason="ColumnMissing",
            )


def _named(request: Request) -> list[tuple[str, str]]:
    """(field of the spec, column it names), in reading order."""
    features = request.features
    single = [
        ("data.target", request.target),
        ("data.features.timeColumn", features.time_column),
        ("data.features.idColumn", features.id_column),
        ("data.features.sampleWeightColumn", features.sample_weight_column),
        ("data.holdout.groupColumn", request.holdout.group_column),
    ]
    several = [
        *(("data.features.include", name) for name in features.include),
        *(("data.features.exclude", name) for name in features.exclude),
        *(("data.features.types", name) for name in features.types),
        *(("data.expectations", e.column) for e in request.expectations),
        *(("evaluation.slices", name) for name in request.slices),
    ]
    return [(field, name) for field, name in [*single, *several] if name]
