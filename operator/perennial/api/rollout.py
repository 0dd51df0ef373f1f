"""`spec.rollout` of a ModelDeployment: how a new version takes over from the stable one."""

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field

from perennial.api.fields import Duration, Uri
from perennial.api.part import SpecModel
from perennial.api.rule import Rule, at_least_one, exactly_one

HeaderName = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9-]*$")]


class Step(SpecModel):
    """One share of the traffic, or of copies of it, held until its evidence is complete."""

    weight: Annotated[int, Field(ge=1, le=99)]
    """Percent of the requests that the candidate answers; with Shadow and BlueGreen, that it gets copies of."""
    min_requests: Annotated[int, Field(ge=0, le=1000000)] = 200
    """Fewest requests the candidate must have answered."""
    min_duration: Duration = "2m"
    """Shortest time."""


class PrometheusQuery(SpecModel):
    """A number from Prometheus."""

    query: Annotated[str, Field(min_length=1, max_length=2048)]
    """Query with one result, a number. `{{version}}` and `{{revision}}` stand for the candidate's: the number of its
    version, and the value of its pods' label perennial.dev/revision."""
    address: Uri | None = None
    """Server to ask; must be on the installation's allow-list. Default: the first of it."""


class Analysis(SpecModel):
    """One thing that must hold of the candidate at every step."""

    RULES = (
        exactly_one("metric", "prometheus", message="an analysis is a metric or a prometheus query: give exactly one"),
        at_least_one(
            "min",
            "max",
            "maxRatio",
            "tolerance",
            message="say what to ask for: max, maxRatio, tolerance or min",
        ),
        Rule(
            "!has(self.min) || !has(self.max) || self.min <= self.max",
            "no value is both: min of this analysis is larger than its max; exchange them",
            lambda a: a.min is None or a.max is None or a.min <= a.max,
        ),
        Rule(
            "!has(self.maxRatio) || (has(self.metric) && self.metric.startsWith('latency'))",
            "maxRatio compares latencies: use it with latencyP50, latencyP95 or latencyP99, or write max",
            lambda a: a.max_ratio is None or (a.metric or "").startswith("latency"),
        ),
        Rule(
            "!has(self.tolerance) || (has(self.metric) && self.metric == 'errorRate')",
            "tolerance compares error rates: use it with errorRate, or write max",
            lambda a: a.tolerance is None or a.metric == "errorRate",
        ),
        Rule(
            "!has(self.min) || has(self.prometheus)",
            "errors, latencies and shifts are better when smaller: write max instead of min",
            lambda a: a.min is None or a.prometheus is not None,
        ),
    )

    metric: Literal["errorRate", "latencyP50", "latencyP95", "latencyP99", "predictionShift"] | None = None
    """What the servers measured. Exactly one of `metric` and `prometheus`."""
    prometheus: PrometheusQuery | None = None
    """A number from Prometheus."""
    min: float | None = None
    """Smallest value."""
    max: float | None = None
    """Largest value: a share for errorRate, seconds for latencies, PSI for predictionShift."""
    max_ratio: Annotated[float, Field(gt=0)] | None = None
    """Largest multiple of the stable version's value, for latencies."""
    tolerance: Annotated[float, Field(ge=0, le=1)] | None = None
    """How much worse than stable is accepted, for errorRate. Default: 0.005."""


class Evidence(SpecModel):
    """What happens when a step has too few requests to tell."""

    wait_for: Duration = "30m"
    """How long to wait."""
    mode: Literal["BestEffort", "Required"] = "BestEffort"
    """Then go on if nothing speaks against it, or give up as inconclusive."""


class KeepPrevious(SpecModel):
    """How the previous version stays ready to come back."""

    replicas: Annotated[int, Field(ge=0, le=1000)] = 1
    """Its replicas."""
    duration: Duration = Field(default="24h", alias="for")
    """How long."""


def _default_steps() -> list[Step]:
    return [Step(weight=5), Step(weight=25), Step(weight=50)]


def _default_analysis() -> list[Analysis]:
    return [
        Analysis(metric="errorRate", max=0.01),
        Analysis(metric="latencyP95", max_ratio=1.2),
        Analysis(metric="predictionShift", max=0.2),
    ]


class Rollout(SpecModel):
    """How a new version takes over."""

    RULES = (
        Rule(
            "!has(self.strategy) || self.strategy != 'BlueGreen' || !has(self.steps) || size(self.steps) == 1",
            "BlueGreen looks once: give rollout.steps one step, or remove it",
            lambda r: r.strategy != "BlueGreen" or "steps" not in r.model_fields_set or len(r.steps) == 1,
        ),
        Rule(
            "!has(self.steps) || (self.steps.map(step, step.weight).isSorted() && "
            "self.steps.all(step, self.steps.exists_one(other, other.weight == step.weight)))",
            "weights of rollout.steps must rise from step to step, such as 5, 25, 50",
            lambda r: all(a.weight < b.weight for a, b in pairwise(r.steps)),
        ),
    )

    strategy: Literal["Canary", "Shadow", "BlueGreen", "Replace"] = "Canary"
    """Share by share, share by share on copies of requests alone, all at once at full size after a look at copies,
    or at once when ready."""
    steps: Annotated[list[Step], Field(min_length=1, max_length=20)] = Field(default_factory=_default_steps)
    """Shares of the traffic, ascending. Default: 5, 25, 50 percent; with BlueGreen one step, 50 percent."""
    analysis: Annotated[list[Analysis], Field(max_length=20)] = Field(default_factory=_default_analysis)
    """What must hold. Default: errors ≤ 1 %, p95 ≤ 1.2 × stable, prediction shift ≤ 0.2. Empty: nothing."""
    evidence: Evidence = Evidence()
    """What happens when a step has too few requests to tell."""
    sticky_header: HeaderName | None = None
    """Header of the requests, over gRPC metadata, whose value decides: the same value gets the same version, and who
    has got the candidate keeps it at the next step. Default: every request is drawn by itself."""
    bake: Duration = "10m"
    """How long analysis goes on after 100 %, the previous version at full size."""
    keep_previous: KeepPrevious = KeepPrevious()
    """How the previous version stays ready to come back."""
    approval: Literal["Automatic", "Manual"] = "Automatic"
    """Whether a person has to promote."""
    paused: bool = False
    """While true, the rollout stays where it is."""
