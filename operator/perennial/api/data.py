"""`spec.data` of a ModelTraining: which rows, which columns, which part is held out, what must be true of them.

Whether the columns exist is known only when the data is read: the trainer says so, not this module.
"""

from typing import Annotated, Literal

from pydantic import Field

from perennial.api.fields import Column, ColumnSet, DataUri, Digest, DnsName, Fraction, Scalar, Time
from perennial.api.part import SpecModel
from perennial.api.rule import Rule, at_most_one, exactly_one, has, needs, present

ColumnType = Literal["numeric", "category", "boolean", "datetime", "text"]
DataFormat = Literal["parquet", "csv", "jsonl"]
SplitStrategy = Literal["temporal", "random", "stratified", "group"]


DEFAULT_FRACTION = 0.2


class LocalRef(SpecModel):
    """An object of the same namespace."""

    name: DnsName
    """Its name."""


class TrainSource(SpecModel):
    """The objects that hold the rows to learn from."""

    uri: DataUri
    """Where the objects are: `s3://bucket/prefix/` (all objects below it) or one object."""
    format: DataFormat | None = None
    """How to read them. Default: by the suffix of the objects."""
    include: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    """Glob that an object's key below the URI must match, such as `*.parquet`. Default: every object of the format."""
    digest: Digest | None = None
    """Pin: the run is refused if the data digest of what the URI holds differs."""
    start: Time | None = Field(default=None, alias="from")
    """First moment of `features.timeColumn` that is read (inclusive), ISO 8601; UTC without a zone."""
    end: Time | None = Field(default=None, alias="to")
    """Moment of `features.timeColumn` where reading stops (exclusive), ISO 8601; UTC without a zone."""


class Holdout(SpecModel):
    """The rows that judge the model and that it never learns from."""

    RULES = (
        at_most_one(
            "uri", "fraction", message="give data.holdout.uri or data.holdout.fraction, not both: remove one of them"
        ),
        at_most_one(
            "uri", "strategy", message="data.holdout.strategy splits the training data: remove it where uri is given"
        ),
        Rule(
            "has(self.strategy) && self.strategy == 'group' ? has(self.groupColumn) : !has(self.groupColumn)",
            "strategy group and groupColumn belong together: give both, or neither",
            lambda h: (h.strategy == "group") == (h.group_column is not None),
        ),
    )

    uri: DataUri | None = None
    """Objects of their own for judging, in the format of the training data. Not together with `fraction`."""
    fraction: Annotated[float, Field(ge=0.01, le=0.9)] | None = None
    """Share of the rows that is held out. Default: 0.2."""
    strategy: SplitStrategy | None = None
    """How rows are chosen. Default: `temporal` with `features.timeColumn`, else `random` by a stable hash."""
    group_column: Column | None = None
    """Rows of one value of this column stay together. Needed by strategy `group`."""


class Features(SpecModel):
    """Which columns are learnt from, and what the special ones are for."""

    include: ColumnSet = []
    """Columns to learn from. Default: all but the target and the special columns below."""
    exclude: ColumnSet = []
    """Columns never to learn from."""
    types: Annotated[dict[Column, ColumnType], Field(max_length=2000)] = {}
    """Column → type, where guessing from the data would be wrong: numeric, category, boolean, datetime, text."""
    time_column: Column | None = None
    """When a row happened. Makes the split temporal; not a feature unless it is also in `include`."""
    id_column: Column | None = None
    """Identifies a row: duplicates are reported, labels are joined by it. Never a feature."""
    sample_weight_column: Column | None = None
    """Weight of a row in fitting. Never a feature."""


_CHECKS = ("min", "max", "maxMissing", "unique", "in")
_ANY_CHECK = " || ".join(has(name) for name in _CHECKS)


class Expectation(SpecModel):
    """One thing that must be true of the data before a second is spent on training."""

    RULES = (
        exactly_one(
            "column",
            "minRows",
            message="an expectation is about one column, or about minRows: give one of them",
        ),
        Rule(
            f"has(self.minRows) ? !({_ANY_CHECK}) : ({_ANY_CHECK})",
            "say what to expect of the column: min, max, maxMissing, unique or in; minRows stands alone",
            lambda e: (e.min_rows is None) == any(present(e, name) for name in _CHECKS),
        ),
        Rule(
            "!has(self.min) || !has(self.max) || self.min <= self.max",
            "min is larger than max: exchange them",
            lambda e: e.min is None or e.max is None or e.min <= e.max,
        ),
    )

    column: Column | None = None
    """The column it is about. Left out for `minRows`."""
    min: float | None = None
    """Smallest allowed value."""
    max: float | None = None
    """Largest allowed value."""
    max_missing: Fraction | None = None
    """Largest allowed share of missing values, 0 to 1."""
    unique: bool | None = None
    """Whether every value may appear only once."""
    allowed: Annotated[list[Scalar], Field(max_length=256)] | None = Field(default=None, alias="in")
    """The only values that may appear."""
    min_rows: Annotated[int, Field(ge=1)] | None = None
    """Fewest rows of the whole data set."""


class Data(SpecModel):
    """What to learn from."""

    RULES = (
        Rule(
            "!has(self.holdout) || !has(self.holdout.strategy) || self.holdout.strategy != 'temporal' || "
            "(has(self.features) && has(self.features.timeColumn))",
            "a temporal hold-out needs to know when a row happened: name the column in data.features.timeColumn",
            lambda d: not d.holdout or d.holdout.strategy != "temporal" or d.time_column is not None,
        ),
        Rule(
            "(!has(self.train.from) && !has(self.train.to)) || (has(self.features) && has(self.features.timeColumn))",
            "data.train.from and to bound a time column: name it in data.features.timeColumn",
            lambda d: (d.train.start is None and d.train.end is None) or d.time_column is not None,
        ),
        Rule(
            "!has(self.target) || !has(self.features) || !has(self.features.include) || "
            "!(self.target in self.features.include)",
            "the target must not be learnt from: remove it from data.features.include",
            lambda d: d.target is None or not d.features or d.target not in d.features.include,
        ),
        Rule(
            "!has(self.target) || !has(self.features) || ["
            "has(self.features.timeColumn) ? self.features.timeColumn : '', "
            "has(self.features.idColumn) ? self.features.idColumn : '', "
            "has(self.features.sampleWeightColumn) ? self.features.sampleWeightColumn : ''"
            "].all(special, special != self.target)",
            "the target cannot be the time, id or weight column too: name another column",
            lambda d: d.target is None or d.target not in d.special_columns,
        ),
        needs("positiveClass", "target", "data.positiveClass is a value of the target: name the column in data.target"),
    )

    train: TrainSource
    """The objects that hold the rows."""
    secret_ref: LocalRef | None = None
    """Secret with `AWS_*` keys for data that lies elsewhere. Only the training pod reads it."""
    holdout: Holdout | None = None
    """What the model is judged on. Default: the newest 20 % with a time column, else a stable 20 %."""
    target: Column | None = None
    """The column to predict. Left out only for outlier detectors and own containers."""
    positive_class: Scalar | None = None
    """Which value of a binary target is the positive one. Default: the one among true, yes, 1, y."""
    features: Features | None = None
    """Which columns are learnt from. Default: all but the target."""
    expectations: Annotated[list[Expectation], Field(max_length=100)] = []
    """Checked before training; a failed one refuses the run and says which rows were at fault."""

    @property
    def time_column(self) -> str | None:
        """The column that says when a row happened."""
        return self.features.time_column if self.features else None

    @property
    def special_columns(self) -> frozenset[str]:
        """The columns of `features` with a meaning of their own: time, id, weight."""
        held = self.features
        columns = (held.time_column, held.id_column, held.sample_weight_column) if held else ()
        return frozenset(column for column in columns if column is not None)

    @property
    def holdout_fraction(self) -> float | None:
        """The share of rows that is held out; None where the hold-out has objects of its own."""
        if self.holdout is None:
            return DEFAULT_FRACTION
        if self.holdout.uri is not None:
            return None
        return DEFAULT_FRACTION if self.holdout.fraction is None else self.holdout.fraction

    @property
    def split_strategy(self) -> SplitStrategy:
        """How rows are held out, the default filled in."""
        chosen = self.holdout.strategy if self.holdout else None
        return chosen or self.default_strategy

    @property
    def default_strategy(self) -> SplitStrategy:
        """`temporal` where a time column is named, else `random`."""
        return "temporal" if self.time_column else "random"
