"""How a watched column is found in canonical columns or model outputs and put into its reference's bins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perennial.api.records.profile import OutputReference, Reference
from perennial.stats.bins import category_codes, category_index, numeric_codes
from perennial.stats.effective import bin_ranks

Columns = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Coder:
    """Bins of one reference, ready for counting. `bins` includes the missing bin, which is the last."""

    name: str
    bins: int
    edges: NDArray[np.float64] | None
    index: Mapping[str | None, int] | None
    low: float
    high: float
    output: str | None = None
    column: int | None = None

    def codes(self, values: NDArray[Any]) -> NDArray[np.int64]:
        """Bin of each value, shape (rows,)."""
        if self.index is not None:
            return category_codes(as_texts(values), self.index)
        return numeric_codes(values, self.edges if self.edges is not None else ())

    def outside(self, values: NDArray[Any], codes: NDArray[np.int64]) -> int:
        """Values beyond the reference's outer quantiles, or categories without a bin of their own."""
        if self.index is not None:
            return int(np.count_nonzero(codes == self.bins - 2))
        return int(np.count_nonzero((values < self.low) | (values > self.high)))


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each watched column's bins lie in one flat vector."""

    features: tuple[Coder, ...]
    outputs: tuple[Coder, ...]
    coders: tuple[Coder, ...] = field(init=False)
    offsets: NDArray[np.int64] = field(init=False)  # shape (columns + 1,)
    owner: NDArray[np.int64] = field(init=False)  # shape (bins,): column of each bin
    ranks: NDArray[np.int64] = field(init=False)  # shape (bins,): `bin_ranks` of each column

    def __post_init__(self) -> None:
        """Lay the columns out one after another."""
        coders = self.features + self.outputs
        sizes = np.array([c.bins for c in coders], dtype=np.int64)
        object.__setattr__(self, "coders", coders)
        object.__setattr__(self, "offsets", np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64))
        object.__setattr__(self, "owner", np.repeat(np.arange(sizes.size), sizes))
        ranks = [bin_ranks(c.bins) for c in coders]
        object.__setattr__(self, "ranks", np.concatenate(ranks) if ranks else np.zeros(0, dtype=np.int64))


def coder(reference: Reference) -> Coder:
    """The coder of one reference."""
    categorical = reference.kind == "categorical"
    output = reference if isinstance(reference, OutputReference) else None
    return Coder(
        name=reference.name,
        bins=len(reference.counts),
        edges=None if categorical else np.asarray(reference.edges, dtype=np.float64),
        index=category_index(reference.categories) if categorical else None,
        low=-np.inf if reference.low is None else reference.low,
        high=np.inf if reference.high is None else reference.high,
        output=output.output if output else None,
        column=output.column if output else None,
    )


def as_numbers(values: NDArray[Any]) -> NDArray[np.float64]:
    """Numbers, booleans (0, 1; None is missing) and datetimes (seconds since 1970 UTC) as float64 with NaN."""
    values = np.asarray(values)
    if values.dtype.kind == "M":
        micros = values.astype("datetime64[us]")
        seconds = micros.astype(np.int64) / 1e6
        return np.where(np.isnat(micros), np.nan, seconds)
    if values.dtype.kind == "O":
        return np.array([np.nan if v is None else float(v) for v in values], dtype=np.float64)
    return values.astype(np.float64)


def as_texts(values: NDArray[Any] | Sequence[Any]) -> list[str | None]:
    """Categories and labels as text: booleans `true`/`false`, whole numbers without a point, missing None."""
    listed = values.tolist() if isinstance(values, np.ndarray) else list(values)
    return [v if isinstance(v, str) else _text(v) for v in listed]


def _text(value: Any) -> str | None:
    if value is None or value != value:  # only NaN differs from itself
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
