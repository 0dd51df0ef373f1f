"""JoinLabels: what really happened, joined by id to what was predicted; one cohort by prediction time, measured."""

import numpy as np
import pandas as pd
import pyarrow as pa
from pydantic import ValidationError

from perennial.api.metrics import METRICS
from perennial.api.records.findings import JoinRequest, LabelJoin
from perennial.api.records.run import Measured
from perennial.api.records.task import Task
from perennial.runtime.training.answers import DEFAULT_THRESHOLD, Answers
from perennial.runtime.training.bounds import within
from perennial.runtime.training.failures import DataRefused
from perennial.runtime.training.fetch import read_columns, shared_format
from perennial.runtime.training.judging import is_possible, measure
from perennial.runtime.training.target import POSITIVE_WORDS
from perennial.store.errors import EmptyDataSet
from perennial.store.inputs import find_inputs

DECILES = 10


def join_labels(task: Task) -> LabelJoin:
    """Join and measure as the task's parameters say. A prediction with several labels takes the last; no object of
    predictions or of labels means none of them.

    Raises:
        DataRefused: unreadable objects or columns that are not there.
        StorageError: storage did not answer.
    """
    try:
        asked = JoinRequest.model_validate(task.parameters)
    except ValidationError as error:
        raise DataRefused(f"parameters: {error.errors(include_url=False)[0]['msg']}", reason="SpecInvalid") from error
    key = asked.prediction_id_column or asked.id_column
    try:
        predicted = _read(asked.predictions, None, [key, asked.time_column, asked.score_column])
    except EmptyDataSet:
        return LabelJoin(start=asked.start, end=asked.end, predictions=0, labels=0, coverage=0.0)
    predicted = within(predicted, asked.time_column, asked.start, asked.end)
    try:
        labels = _read(asked.labels, asked.labels_format, [asked.id_column, asked.label_column])
    except EmptyDataSet:
        count = predicted.num_rows
        return LabelJoin(start=asked.start, end=asked.end, predictions=count, labels=0, coverage=0.0)
    left = predicted.to_pandas().drop_duplicates(key, keep="last")
    right = labels.to_pandas().dropna().drop_duplicates(asked.id_column, keep="last")
    left[key], right[asked.id_column] = left[key].astype(str), right[asked.id_column].astype(str)
    joined = left.merge(right, how="left", left_on=key, right_on=asked.id_column)
    return _measured(joined, asked)


def _read(uri: str, kind: str | None, columns: list[str]) -> pa.Table:
    inputs = find_inputs(uri)
    return read_columns(inputs, shared_format(uri, kind, inputs.objects), columns)


def _measured(joined: pd.DataFrame, asked: JoinRequest) -> LabelJoin:
    known = joined[asked.label_column].notna().to_numpy()
    scores = joined[asked.score_column].to_numpy(dtype=np.float64)
    found = LabelJoin(
        start=asked.start,
        end=asked.end,
        predictions=len(joined),
        labels=int(known.sum()),
        coverage=float(known.mean()) if len(joined) else 0.0,
        coverage_by_decile=_by_decile(scores, known),
    )
    if not known.any():
        return found
    numeric = METRICS[asked.metric].needs == "values"
    values = joined.loc[known, asked.label_column]
    y = values.to_numpy(dtype=np.float64) if numeric else _codes(values, asked.positive_class)
    rarer = None if numeric else int(min(np.bincount(y.astype(np.int64), minlength=2)))
    return found.model_copy(update={"rarer": rarer, "measured": _measure(y, scores[known], asked, numeric)})


def _measure(y: np.ndarray, scores: np.ndarray, asked: JoinRequest, numeric: bool) -> Measured | None:
    threshold = DEFAULT_THRESHOLD if asked.threshold is None else asked.threshold
    label = scores if numeric else (scores >= threshold).astype(np.int64)
    answers = Answers(label, None if numeric else scores, probability=not numeric)
    if not is_possible(asked.metric, answers) or (not numeric and len(np.unique(y)) < 2):
        return None
    measured = measure(asked.metric, y, answers, groups=None, confidence=asked.confidence)
    return measured if np.isfinite(measured.value) else None


def _codes(values: pd.Series, positive: str | None) -> np.ndarray:
    words = values.map(lambda v: str(v).lower()).to_numpy()
    wanted = {positive.lower()} if positive else set(POSITIVE_WORDS) | {"1.0"}
    return np.isin(words, sorted(wanted)).astype(np.int64)


def _by_decile(scores: np.ndarray, known: np.ndarray) -> list[float]:
    """Share of labelled rows by tenth of the score: far apart means that labels depend on predictions."""
    if len(scores) < DECILES:
        return []
    edges = np.unique(np.quantile(scores, np.linspace(0, 1, DECILES + 1)[1:-1]))
    codes = np.searchsorted(edges, scores, side="right")
    return [float(known[codes == code].mean()) for code in range(len(edges) + 1) if (codes == code).any()]
