"""The file contract of `spec.container`: what code of somebody else finds in its run folder, and what it leaves there.

Names and the request alone; who writes and reads them is in `runtime/training/own`.
"""

from typing import Any, Literal

from perennial.api.records.record import Record
from perennial.api.records.signature import InputColumn

RUN_VARIABLE = "PERENNIAL_RUN"
"""Environment variable with the run folder."""

REQUEST = "request.json"
TRAIN_DATA = "data/train.parquet"
OUTPUT = "output"
REPORTED_METRICS = "metrics.json"
REPORTED_PROGRESS = "progress.json"
CHECKPOINT = "checkpoint"

FETCH, AGENT, USER, PUBLISH = "fetch", "agent", "user", "publish"
"""Containers of the pod: before, beside, the code itself, after."""

MODELS = ("model.skops", "model.json", "model.txt")
"""Files that are read as the model, the first that is there: skops, XGBoost, LightGBM."""

Learns = Literal["Classification", "Regression", "Outlier"]


class DataGiven(Record):
    """The data of a run, as the code is told of it."""

    uri: str
    digest: str
    objects: list[list[Any]] = []  # key, size and content mark of each
    file: str | None = None  # below the run folder; None where spec.container.fetch is false
    rows: int = 0  # of the file: the hold-out is never in it


class OwnRequest(Record):
    """request.json in the run folder."""

    format_version: Literal[1] = 1
    run_digest: str
    model: str
    task: Learns
    data: DataGiven
    target: str | None = None
    classes: list[Any] | None = None  # the target is given as the position in this list
    positive_class: Any | None = None
    inputs: list[InputColumn]  # columns that the model is asked with, in this order
    weight_column: str | None = None
    time_column: str | None = None
    seed: int
    parameters: dict[str, Any] = {}
    checkpoint: bool = False  # whether output/checkpoint/ holds what an earlier attempt saved
