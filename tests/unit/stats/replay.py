"""Synthetic traffic for the stated error rates: references and windows drawn as bin counts, without rows.

With m reference rows of a continuous feature cut at their own deciles, the bins' true probabilities are
Dirichlet(m/10, …) and every reference count is m/10 (order statistics): each replicate draws its own reference.
"""

from dataclasses import dataclass

import numpy as np

from perennial.api.records.profile import OutputReference, Profile, Reference
from perennial.api.records.window import ColumnCounts, WindowRecord
from perennial.stats.effective import block_sums

BINS = 10
MINUTES = 60
DIGEST = "sha256:" + "0" * 64


@dataclass(frozen=True)
class Traffic:
    """What a stationary replay looks like."""

    features: int
    rows: int
    cluster: int = 1
    reference_rows: int = 20_000


def reference(rng: np.random.Generator, traffic: Traffic) -> tuple[Profile, np.ndarray]:
    """A profile and the true bin probabilities behind it, shape (features + 1, BINS); the last is the prediction."""
    p = rng.dirichlet(np.full(BINS, traffic.reference_rows / BINS), traffic.features + 1)
    common = {
        "kind": "numeric",
        "edges": list(range(BINS - 1)),
        "counts": [traffic.reference_rows // BINS] * BINS + [0],
        "effective_rows": float(traffic.reference_rows),
    }
    features = [Reference(name=f"f{i}", **common) for i in range(traffic.features)]
    outputs = [OutputReference(name="score", output="predict_proba", column=1, **common)]
    return Profile(rows=traffic.reference_rows, features=features, outputs=outputs), p


def window(rng: np.random.Generator, traffic: Traffic, p: np.ndarray) -> WindowRecord:
    """An hour of traffic whose rows come in clusters of equal rows, each within one minute."""
    clusters = rng.multinomial(traffic.rows // traffic.cluster, np.full(MINUTES, 1 / MINUTES))
    columns = [counted(rng.multinomial(clusters, one) * traffic.cluster) for one in p]
    return record({f"f{i}": c for i, c in enumerate(columns[:-1])}, {"score": columns[-1]})


def record(features: dict[str, ColumnCounts], outputs: dict[str, ColumnCounts]) -> WindowRecord:
    """A window of those counts."""
    rows = max(sum(c.counts) for c in (*features.values(), *outputs.values()))
    return WindowRecord(
        artifact=DIGEST,
        profile=DIGEST,
        start="2026-03-02T10:00:00Z",
        end="2026-03-02T11:00:00Z",
        rows=rows,
        features=features,
        outputs=outputs,
    )


def counted(minutes: np.ndarray) -> ColumnCounts:
    """The counts of one column from those of each minute, shape (minutes, bins); nothing is missing."""
    minutes = np.column_stack([minutes, np.zeros(len(minutes), dtype=np.int64)])
    return ColumnCounts(counts=minutes.sum(axis=0).tolist(), blocks=block_sums(minutes))
