"""`spec.monitoring` of a ModelDeployment: what servers count and keep about requests."""

from typing import Annotated

from pydantic import Field

from perennial.api.fields import Column, ColumnSet, DataUri, Duration, Fraction, Quantity
from perennial.api.part import SpecModel


class WatchedFeatures(SpecModel):
    """Whose distributions are counted."""

    max: Annotated[int, Field(ge=0, le=1000)] = 50
    """Most features, the most important first."""
    exclude: ColumnSet = []
    """Features that are not counted."""


class Payloads(SpecModel):
    """Samples of requests and answers, kept in storage."""

    sample_rate: Fraction = 0
    """Share of requests. 0: none."""
    exclude: ColumnSet = []
    """Columns that are never written."""
    hash: ColumnSet = []
    """Columns that are written as salted hashes."""
    max_bytes_per_hour: Quantity = "64Mi"
    """Bound over all replicas; what is above it is dropped and counted."""
    keep: Duration = "30d"
    """How long samples are kept."""


class Labels(SpecModel):
    """What really happened, to be joined with what was predicted."""

    uri: DataUri
    """Objects with the id and the target."""
    id_column: Column | None = None
    """Column that identifies a row. Default: the training's `features.idColumn`."""
    delay: Duration = "7d"
    """How long labels take to arrive."""
    min_coverage: Fraction = 0.8
    """Share of predictions that must have a label before they are judged."""


class Monitoring(SpecModel):
    """What is counted about requests."""

    window: Duration = "1h"
    """Length of a window. Whole windows fit a day."""
    features: WatchedFeatures = WatchedFeatures()
    """Whose distributions are counted."""
    payloads: Payloads = Payloads()
    """Samples of requests and answers."""
    labels: Labels | None = None
    """What really happened."""
