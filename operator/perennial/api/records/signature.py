"""signature.json: what a model accepts and what it answers. The server enforces it, the rollout compares it."""

from typing import Any, Literal

from perennial.api.records.record import Record
from perennial.api.records.run import TaskType

ColumnKind = Literal["numeric", "categorical", "boolean", "datetime", "text"]
Datatype = Literal["BOOL", "INT64", "FP64", "FP32", "BYTES"]


class InputColumn(Record):
    """One input tensor of shape [-1]. Every column may hold missing values (null) unless `nullable` is false."""

    name: str
    kind: ColumnKind
    datatype: Datatype  # as shown in the metadata: numeric FP64 or INT64, categorical/text/datetime BYTES
    nullable: bool = True
    required: bool = True
    categories: list[str] | None = None  # in the encoder's order; unseen values are accepted and treated as unseen
    integer: bool = False  # numeric column that held only whole numbers


class OutputTensor(Record):
    """One output tensor."""

    name: Literal["predict", "predict_proba", "decision_function", "explain"]
    datatype: Datatype
    shape: list[int]  # -1 for rows
    default: bool = False  # answered when a request names no outputs


class Signature(Record):
    """Inputs, outputs, and one synthetic row (medians and modes) with what the model answers to it."""

    format_version: Literal[1] = 1
    task: TaskType
    inputs: list[InputColumn]
    outputs: list[OutputTensor]
    classes: list[Any] | None = None  # in predict_proba's order, JSON values
    positive_class: Any | None = None
    threshold: float | None = None  # of the positive class' probability
    id_column: str | None = None  # an optional input, never a feature
    target: str | None = None
    example: dict[str, Any] = {}
    example_outputs: dict[str, Any] = {}
    estimator: str = ""
