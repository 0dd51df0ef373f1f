"""`spec.evaluation` of a ModelTraining: what is measured on the hold-out, and which gates a version must pass.

How a gate is judged is policy, not API.
"""

from typing import Annotated, Literal

from pydantic import Field

from perennial.api.fields import Column, Confidence, MetricName, list_map
from perennial.api.metrics import LOSSES, SCORES
from perennial.api.part import SpecModel
from perennial.api.rule import Rule, at_least_one, at_most_one


def bounds_fit_metric(what: str) -> tuple[Rule, ...]:
    """`min` is for scores, `max` for losses: the other way round nothing good would ever pass."""
    return (
        Rule(
            f"!has(self.min) || !(self.metric in {list(LOSSES)})",
            f"the metric of {what} is a loss, smaller is better: write max instead of min",
            lambda part: part.min is None or part.metric not in LOSSES,
        ),
        Rule(
            f"!has(self.max) || !(self.metric in {list(SCORES)})",
            f"the metric of {what} is a score, larger is better: write min instead of max",
            lambda part: part.max is None or part.metric not in SCORES,
        ),
        Rule(
            "!has(self.min) || !has(self.max) || self.min <= self.max",
            "min is larger than max: exchange them",
            lambda part: part.min is None or part.max is None or part.min <= part.max,
        ),
    )


class Slice(SpecModel):
    """A column by whose values the metrics are shown apart."""

    column: Column
    """The column. Up to 50 levels, the rest is OTHER; numbers are cut at their quartiles."""


class ChampionGate(SpecModel):
    """Comparison with the version that serves now, on the same rows."""

    RULES = (
        at_most_one(
            "tolerance",
            "relativeTolerance",
            message="give champion.tolerance or champion.relativeTolerance, not both: remove one of them",
        ),
    )

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

    RULES = (
        at_least_one("min", "max", "champion", message="say what the gate asks for: min, max or champion"),
        *bounds_fit_metric("the gate"),
        at_most_one(
            "champion",
            "slice",
            message="a gate on slices has min or max: make a gate of its own for champion",
        ),
        Rule(
            "!has(self.confidence) || has(self.min) || has(self.max)",
            "confidence belongs to min or max; for the comparison write champion.confidence",
            lambda g: g.confidence is None or g.min is not None or g.max is not None,
        ),
    )

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
