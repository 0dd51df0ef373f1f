"""`spec.evaluation` of a ModelTraining: what is measured on the hold-out, and which gates a version must pass.

How a gate is judged is policy, not API.
"""

from typing import Annotated, Literal

from pydantic import Field

from perennial.api.fields import Column, Confidence, MetricName, SpecModel, list_map


class Slice(SpecModel):
    """A column by whose values the metrics are shown apart."""

    column: Column
    """The column. Up to 50 levels, the rest is OTHER; numbers are cut at their quartiles."""


class ChampionGate(SpecModel):
    """Comparison with the version that serves now, on the same rows."""

    mode: Literal["NonInferior", "Superior"] = "NonInferior"
    """Whether not being worse than the tolerance is enough, or being better must be shown."""
    tolerance: Annotated[float, Field(ge=0)] | None = None
    """How much worse is still accepted, in the metric's unit. Default: 0.005 where `relativeTolerance` is not set."""
    relative_tolerance: Annotated[float, Field(ge=0, le=1)] | None = None
    """The same as a share of the champion's value."""
    confidence: Confidence = 0.95
    """Confidence of the one-sided bound that decides."""


class Gate(SpecModel):
    """One condition for a version to be approved."""

    metric: MetricName
    """Name of a metric."""
    min: float | None = None
    """Smallest value that passes; for scores, where more is better."""
    max: float | None = None
    """Largest value that passes; for losses, where less is better."""
    confidence: Confidence | None = None
    """With it the unfavourable bound of the interval is compared, without it the estimate."""
    champion: ChampionGate | None = None
    """Comparison with the version that serves now. Passes while there is none."""
    slice: Slice | None = None
    """Judge every level of this column instead of all rows."""


class Evaluation(SpecModel):
    """How the model is judged."""

    metrics: Annotated[list[MetricName], Field(max_length=20, json_schema_extra={"x-kubernetes-list-type": "set"})] = []
    """Metrics to measure; the first is the key metric. Default: the usual ones of the task."""
    slices: Annotated[list[Slice], Field(max_length=10, json_schema_extra=list_map("column"))] = []
    """Columns by whose values the metrics are shown apart."""
    gates: Annotated[list[Gate], Field(max_length=20)] = []
    """All must pass for the version to be approved. Default: none, every finished run is approved."""
