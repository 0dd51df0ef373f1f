"""`spec.algorithm`, `spec.preprocess` and `spec.container`: how a ModelTraining learns.

Which estimators and metrics exist is data of `perennial.api.estimators` and `perennial.api.metrics`.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from perennial.api.fields import OPEN, Column, ColumnSet, DottedPath, Fraction, ImageName, MetricName, Parameters
from perennial.api.part import SpecModel
from perennial.api.podtemplate import EnvFromSource, EnvVar, Resources
from perennial.api.rule import PYTHON_ONLY, Rule, exactly_one, needs

Arguments = Annotated[list[Annotated[str, Field(max_length=4096)]], Field(max_length=64)]


DEFAULT_THRESHOLD = 0.5


class Candidate(SpecModel):
    """One design to compare."""

    estimator: DottedPath
    """Dotted path of an estimator from scikit-learn, LightGBM or XGBoost."""
    parameters: Parameters = {}
    """Keyword arguments of the estimator."""


class SearchRange(SpecModel):
    """Where one parameter may lie: a range or a list of values."""

    RULES = (
        Rule(
            "has(self.min) == has(self.max)",
            "a parameter is searched between min and max: give both",
            lambda r: (r.min is None) == (r.max is None),
        ),
        Rule(
            PYTHON_ONLY,  # CEL cannot see a list of anything
            "a parameter is searched between min and max, or among values: give the bounds or values, not both",
            lambda r: bool(r.values) == (r.min is None),
        ),
        Rule(
            "!has(self.min) || !has(self.max) || self.min < self.max",
            "min must be smaller than max",
            lambda r: r.min is None or r.max is None or r.min < r.max,
        ),
        Rule(
            "!has(self.scale) || self.scale != 'log' || !has(self.min) || self.min > 0.0",
            "scale log needs min above 0: raise min, or use scale linear",
            lambda r: r.scale != "log" or r.min is None or r.min > 0,
        ),
    )

    min: float | None = None
    """Smallest value of the range."""
    max: float | None = None
    """Largest value of the range."""
    scale: Literal["linear", "log"] = "linear"
    """Whether the range is walked linearly or by powers."""
    integer: bool = False
    """Whether only whole numbers are tried."""
    values: Annotated[
        list[Annotated[Any, Field(description="A value.", json_schema_extra=OPEN)]], Field(max_length=64)
    ] = []
    """The values to choose from, instead of a range."""


class Objective(SpecModel):
    """What candidates and trials are compared by."""

    metric: MetricName
    """Name of a metric."""
    direction: Literal["maximize", "minimize"] | None = None
    """Which way is better. Default: what the metric says."""


class Search(SpecModel):
    """Search for parameters by cross-validation on the training part."""

    strategy: Literal["grid", "random", "halving", "bayesian"] = "random"
    """How trials are chosen."""
    space: Annotated[dict[Annotated[str, Field(max_length=256)], SearchRange], Field(min_length=1, max_length=32)]
    """Parameter → where it may lie."""
    trials: Annotated[int, Field(ge=1, le=1000)] = 30
    """How many designs are tried at most."""
    parallelism: Annotated[int, Field(ge=1, le=100)] = 1
    """How many trials run at a time, each in its own pod when more than one."""
    folds: Annotated[int, Field(ge=2, le=20)] = 5
    """Folds of the cross-validation."""
    objective: Objective | None = None
    """What trials are compared by. Default: the first metric of `evaluation.metrics`, else the task's usual one."""


class Cost(SpecModel):
    """What a wrong decision costs, in any one unit."""

    false_positive: Annotated[float, Field(ge=0)]
    """Cost of an alarm for a negative row."""
    false_negative: Annotated[float, Field(ge=0)]
    """Cost of a missed positive row."""


class Decision(SpecModel):
    """How a probability becomes a class, for binary classifiers. Chosen on training folds, never on the hold-out."""

    RULES = (
        exactly_one(
            "threshold", "maximize", "cost", message="a decision is a threshold, maximize or cost: give exactly one"
        ),
    )

    threshold: Fraction | None = None
    """Positive from this probability on."""
    maximize: Literal["f1", "accuracy", "balanced_accuracy", "precision", "recall", "matthews_corrcoef"] | None = None
    """Take the threshold that is best by this metric."""
    cost: Cost | None = None
    """Take the threshold that is cheapest."""


class Algorithm(SpecModel):
    """A scikit-learn style estimator; its type (classifier, regressor, outlier detector) is the task."""

    RULES = (
        exactly_one(
            "estimator",
            "candidates[]",
            message="give algorithm.estimator, or algorithm.candidates to compare several: exactly one of them",
        ),
        needs(
            "parameters",
            "estimator",
            "parameters belong to algorithm.estimator: move them to the candidates",
        ),
    )

    estimator: DottedPath | None = None
    """Dotted path of an estimator from scikit-learn, LightGBM or XGBoost."""
    parameters: Parameters = {}
    """Keyword arguments of the estimator. 1.0 is stored as 1; a null survives only `kubectl apply --server-side`."""
    candidates: Annotated[list[Candidate], Field(max_length=10)] = []
    """Several designs of one task, compared by cross-validation; the best is kept. Instead of `estimator`."""
    search: Search | None = None
    """Search for better parameters."""
    calibration: Literal["none", "isotonic", "sigmoid"] = "none"
    """Whether predicted probabilities are calibrated on training folds."""
    decision: Decision | None = None
    """How a probability becomes a class. Default: threshold 0.5."""
    refit: Literal["all", "none"] | None = None
    """Whether the judged pipeline is fitted again on all rows. Default: all under a policy that splits by time."""


class PreprocessStep(SpecModel):
    """What is done to some columns before the estimator sees them."""

    columns: ColumnSet = []
    """The columns. Default: all of `type`."""
    type: Literal["numeric", "category", "boolean", "datetime", "text"] | None = None
    """All columns of this type."""
    impute: Literal["median", "mean", "mostFrequent", "constant", "none"] | None = None
    """How missing values are filled."""
    fill_value: float | Column | None = None
    """The filling for `impute: constant`."""
    encode: Literal["oneHot", "ordinal", "target", "none"] | None = None
    """How categories become numbers."""
    scale: Literal["standard", "minMax", "robust", "none"] | None = None
    """How numbers are scaled."""


class Preprocess(SpecModel):
    """Preprocessing written out instead of `auto`."""

    steps: Annotated[list[PreprocessStep], Field(min_length=1, max_length=64)]
    """Each column takes the first step that names it; the rest is done automatically."""


class Container(SpecModel):
    """Code of your own, behind the file contract (PERENNIAL_RUN), instead of `algorithm`."""

    image: ImageName
    """The image, best by digest (`…@sha256:…`): this text is in the run's identity, what a tag points to is not."""
    command: Arguments = []
    """Entry point. Default: the image's."""
    args: Arguments = []
    """Arguments of the entry point."""
    env: Annotated[list[EnvVar], Field(max_length=64, json_schema_extra={"x-kubernetes-list-type": "atomic"})] = []
    """Environment variables."""
    env_from: Annotated[list[EnvFromSource], Field(max_length=64)] = []
    """ConfigMaps and Secrets whose keys become environment variables."""
    parameters: Parameters = {}
    """Handed over in `request.json`."""
    fetch: bool = False
    """Whether the rows to learn from are put into `data/train.parquet` before the code starts."""
    task: Literal["Classification", "Regression", "Outlier"] | None = None
    """What is learnt. Default: by the target (numbers with fractions or more than 20 values: regression)."""
    resources: Resources | None = None
    """CPU, memory and devices of the container."""
