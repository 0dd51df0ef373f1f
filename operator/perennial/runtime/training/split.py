"""Stage 4, split: which rows judge the model. A row is on the same side in every run of a model.

Temporal: the newest rows, ties on one side. Otherwise a stable hash of id, group or the row's content, salted with the
model's name. No random numbers, so that a champion's training rows can be told from later ones.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from perennial.api.data import DEFAULT_FRACTION
from perennial.runtime.training import rowhash
from perennial.runtime.training.bounds import nanoseconds
from perennial.runtime.training.failures import DataRefused
from perennial.runtime.training.request import Request

LEAST_TRAINING_ROWS = 20
LEAST_HOLDOUT_ROWS = 5


@dataclass(frozen=True)
class Split:
    """Row numbers of either side, ascending in time where there is a time column.

    Attributes:
        train: int64 of shape (training rows,).
        holdout: int64 of shape (hold-out rows,).
        hashes: uint64 of shape (rows,), the row identities.
        moments: datetime64[ns] of shape (rows,), or None without a time column.
        groups: int64 codes of shape (rows,), or None without a group column.
        strategy: how it was done.
    """

    train: np.ndarray
    holdout: np.ndarray
    hashes: np.ndarray
    moments: np.ndarray | None
    groups: np.ndarray | None
    strategy: str

    @property
    def holdout_digest(self) -> str:
        """Which rows the hold-out has, whatever their order."""
        return rowhash.digest(self.hashes[self.holdout])


def split(table: pa.Table, request: Request, *, model: str, holdout_rows: int = 0) -> Split:
    """Divide the rows.

    Args:
        table: all rows; the last `holdout_rows` of them came from `data.holdout.uri`.
        request: strategy and columns.
        model: salt of the hash.
        holdout_rows: rows of a hold-out of its own, 0 if it is cut from the training data.

    Raises:
        DataRefused: either side would be too small to learn from or to judge by.
    """
    hashes = row_hashes(table, request, model=model)
    time = request.features.time_column
    moments = nanoseconds(table, time) if time else None
    groups = _groups(table, request)
    strategy = "separate" if holdout_rows else request.strategy
    if holdout_rows:
        held = np.arange(table.num_rows) >= table.num_rows - holdout_rows
    elif strategy == "temporal":
        held = _newest(moments, request.holdout.fraction or DEFAULT_FRACTION)
    else:
        held = hashed_side(table, request, hashes, model=model)
    _check(held, strategy)
    train, holdout = np.flatnonzero(~held), np.flatnonzero(held)
    if moments is not None:
        train, holdout = (rows[np.argsort(moments[rows], kind="stable")] for rows in (train, holdout))
    return Split(train, holdout, hashes, moments, groups, strategy)


def row_hashes(table: pa.Table, request: Request, *, model: str) -> np.ndarray:
    """uint64 of shape (rows,): the identity of each row, by id column or by its whole content."""
    id_column = request.features.id_column
    columns = [id_column] if id_column else table.column_names
    return rowhash.of_rows(table, columns, salt=model)


def hashed_side(table: pa.Table, request: Request, hashes: np.ndarray, *, model: str) -> np.ndarray:
    """bool of shape (rows,): held out by the stable hash, per row, per class or per group."""
    fraction = request.holdout.fraction or DEFAULT_FRACTION
    if request.strategy == "group":
        column = request.holdout.group_column
        if column is None:
            raise DataRefused(
                "data.holdout.strategy is group, but data.holdout.groupColumn is not set; name the column whose rows "
                "must stay together",
                reason="SpecInvalid",
            )
        hashes = rowhash.of_rows(table, [column], salt=model)
    if request.strategy == "stratified" and request.target:
        return _per_class(table.column(request.target), hashes, fraction)
    return rowhash.fraction(hashes) < fraction


def _per_class(target: pa.ChunkedArray, hashes: np.ndarray, fraction: float) -> np.ndarray:
    """The share of every class, exactly: the rows of a class with the smallest hashes.

    A row changes sides only when rows of its class come or go around the border, not by chance.
    """
    codes = target.combine_chunks().dictionary_encode()
    codes = codes.combine_chunks() if isinstance(codes, pa.ChunkedArray) else codes
    labels = codes.indices.fill_null(-1).to_numpy()
    held = np.zeros(len(hashes), dtype=bool)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        count = max(1, round(fraction * len(rows)))
        held[rows[np.argsort(hashes[rows], kind="stable")[:count]]] = True
    return held


def _newest(moments: np.ndarray | None, fraction: float) -> np.ndarray:
    """The newest rows, at most `fraction` of all; rows of one moment stay together; rows without a time are old."""
    if moments is None:
        raise DataRefused(
            "data.holdout.strategy is temporal, but data.features.timeColumn is not set; name the time column",
            reason="SpecInvalid",
        )
    order = np.sort(np.where(np.isnat(moments), np.datetime64(np.iinfo(np.int64).min + 1, "ns"), moments))
    border = order[len(order) - 1 - int(fraction * len(order))]
    held: np.ndarray = ~np.isnat(moments) & (moments > border)
    return held


def _groups(table: pa.Table, request: Request) -> np.ndarray | None:
    column = request.holdout.group_column
    if column is None:
        return None
    coded = table.column(column).combine_chunks().dictionary_encode()
    coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
    return np.asarray(coded.indices.fill_null(-1).to_numpy(), dtype=np.int64)


def _check(held: np.ndarray, strategy: str) -> None:
    holdout = int(held.sum())
    train = len(held) - holdout
    if train >= LEAST_TRAINING_ROWS and holdout >= LEAST_HOLDOUT_ROWS:
        return
    raise DataRefused(
        f"data.holdout: the {strategy} split of {len(held)} rows leaves {train} to learn from and {holdout} to judge "
        f"by; at least {LEAST_TRAINING_ROWS} and {LEAST_HOLDOUT_ROWS} are needed: bring more rows (or more distinct "
        f"times), or choose another data.holdout.strategy or fraction",
        reason="TooFewRows",
    )
