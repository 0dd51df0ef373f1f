"""Scores one window against the reference of its version: PSI, limit, rows that count, rates. Pure and vectorised.

What several windows mean together is in `perennial.stats.drift_state`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from perennial.api.records.profile import Profile, Reference
from perennial.api.records.window import ColumnCounts, WindowRecord
from perennial.stats.effective import MIN_BLOCKS, TailShape, tail_shape
from perennial.stats.limits import expected_noise, noise_limit
from perennial.stats.psi import merge_small, psi
from perennial.stats.quality import rate_alerts
from perennial.stats.seasonal import window_excess
from perennial.stats.tables import CountTable
from perennial.stats.verdicts import ColumnState, ColumnVerdict, DriftOptions, Role, WindowVerdict

MIN_EFFECTIVE = 300.0
WARN_AT = 0.5

Floats = NDArray[np.float64]
Watched = tuple[Role, Reference, ColumnCounts]


def evaluate_window(
    profile: Profile,
    window: WindowRecord,
    options: DriftOptions | None = None,
    *,
    acknowledged: WindowRecord | None = None,
    usual_effects: Mapping[str, float] | None = None,
) -> WindowVerdict:
    """The verdict on every watched column of a closed window.

    Args:
        profile: of the version that served the window.
        window: all its files added up (`sum_windows`).
        options: the policy's; None: the defaults.
        acknowledged: the windows of an earlier drift that a refused challenger has shown to be harmless, added up.
            A column alarms only if it is beyond the limit against these too.
        usual_effects: design effect by column in earlier windows (`typical_effects`), for windows with too few minutes.
    """
    options = options or DriftOptions()
    watched = _watched(profile, window, options)
    if not watched:
        return WindowVerdict(window.start, window.end, window.rows, 0.0, window.complete, ())
    references = CountTable.of_references([r for _, r, _ in watched])
    sample = _sample(watched, usual_effects or {})
    reference_rows = _reference_rows(references, watched)
    score, limit = _scored(sample, references.counts, reference_rows, options)
    limit = np.maximum(limit, _seasonal(watched, window, sample, reference_rows))
    known = (score > limit) & ~_beyond_acknowledged(watched, sample, acknowledged, options)
    states = _states(score, limit, known, sample.effective, window.rows >= options.min_samples)
    return WindowVerdict(
        start=window.start,
        end=window.end,
        rows=window.rows,
        effective_rows=float(np.median(sample.effective)),
        complete=window.complete,
        columns=_verdicts(watched, sample, reference_rows, score, limit, states),
        assumed_independent=bool(np.isinf(sample.blocks).all() and not usual_effects),
    )


def typical_effects(verdicts: Sequence[WindowVerdict]) -> dict[str, float]:
    """Median design effect of each column over windows in which it could be estimated."""
    found: dict[str, list[float]] = {}
    for verdict in verdicts:
        for column in verdict.columns:
            if column.design_effect is not None:
                found.setdefault(column.name, []).append(column.design_effect)
    return {name: float(np.median(values)) for name, values in found.items()}


def _watched(profile: Profile, window: WindowRecord, options: DriftOptions) -> list[Watched]:
    wanted = set(options.features)
    features: list[Watched] = [
        ("feature", r, window.features[r.name])
        for r in profile.features
        if r.name in window.features and (not wanted or r.name in wanted)
    ]
    outputs: list[Watched] = [
        ("prediction", r, window.outputs[r.name]) for r in profile.outputs if r.name in window.outputs
    ]
    return features + outputs


@dataclass(frozen=True, slots=True)
class _Sample:
    """A window's counts and what its rows are worth, each of shape (columns,)."""

    table: CountTable
    effects: Floats
    blocks: Floats  # from how many blocks the effects were estimated; ∞: not from this window

    @property
    def effective(self) -> Floats:
        """n_eff."""
        return self.table.rows / self.effects

    def tail(self, bins: NDArray[np.int64]) -> TailShape:
        """How long the tail of its clustered χ² is; plain where the effect was not estimated from this window."""
        strongest = np.where(np.isfinite(self.blocks), self.table.strongest_effects(), 1.0)
        return tail_shape(bins, self.effects, strongest)


def _sample(watched: Sequence[Watched], usual: Mapping[str, float]) -> _Sample:
    """With fewer than 20 blocks the larger of the window's own effect and the usual one.

    With one block and no earlier window, 1 is assumed.
    """
    table = CountTable.of_counts([c for _, _, c in watched])
    blocks = np.array([float(c.blocks.blocks) for _, _, c in watched])
    usually = np.array([usual.get(r.name, 1.0) for _, r, _ in watched])
    own = np.where(blocks >= 2, table.effects(), 1.0)
    taken = (blocks >= MIN_BLOCKS) | ((blocks >= 2) & (own >= usually))
    return _Sample(table, np.where(taken, own, usually), np.where(taken, blocks, np.inf))


def _reference_rows(references: CountTable, watched: Sequence[Watched]) -> Floats:
    stated = np.array([r.effective_rows for _, r, _ in watched])
    return np.minimum(np.where(stated > 0, stated, references.rows), references.rows)


def _scored(sample: _Sample, reference: Floats, reference_rows: Floats, options: DriftOptions) -> tuple[Floats, Floats]:
    """PSI against reference counts, and the larger of threshold and sampling noise; each of shape (columns,).

    Both sides are scaled to their effective rows first, so that smoothing weighs what they are worth.
    """
    effective = sample.effective
    least = np.minimum(effective, reference_rows)
    worth = reference * (reference_rows / np.maximum(reference.sum(axis=1), 1.0))[:, None]
    merged = merge_small(worth, sample.table.counts / sample.effects[:, None], sample.table.exists, least)
    noise = noise_limit(
        effective,
        reference_rows,
        merged.bins,
        alpha=options.alpha,
        watched=effective.size,
        blocks=sample.blocks,
        tail=sample.tail(merged.bins),
    )
    return psi(merged), np.maximum(noise, options.threshold)


def _seasonal(watched: Sequence[Watched], window: WindowRecord, sample: _Sample, reference_rows: Floats) -> Floats:
    """The limit that the reference's own chunks give at this hour; −∞ where there is none."""
    start, end = (datetime.fromisoformat(t).timestamp() for t in (window.start, window.end))
    excess = np.array([window_excess(r.seasonal, start, end) if r.seasonal else -np.inf for _, r, _ in watched])
    return excess + expected_noise(sample.effective, reference_rows, sample.table.exists.sum(axis=1))


def _beyond_acknowledged(
    watched: Sequence[Watched], sample: _Sample, acknowledged: WindowRecord | None, options: DriftOptions
) -> NDArray[np.bool_]:
    """Which columns are beyond the limit against the acknowledged windows as well; all when there are none."""
    if acknowledged is None:
        return np.ones(len(watched), dtype=bool)
    parts = {"feature": acknowledged.features, "prediction": acknowledged.outputs}
    found = [parts[role].get(r.name) for role, r, _ in watched]
    same = [f if f and len(f.counts) == len(c.counts) else None for f, (_, _, c) in zip(found, watched, strict=True)]
    second = CountTable.of_counts([f or c for f, (_, _, c) in zip(same, watched, strict=True)])
    score, limit = _scored(sample, second.counts, second.rows / second.effects(), options)
    return np.array([f is None for f in same]) | (score > limit)


def _verdicts(
    watched: Sequence[Watched],
    sample: _Sample,
    reference_rows: Floats,
    score: Floats,
    limit: Floats,
    states: Sequence[ColumnState],
) -> tuple[ColumnVerdict, ...]:
    alerts = rate_alerts(
        [r for _, r, _ in watched], [c for _, _, c in watched], sample.table, sample.effects, reference_rows
    )
    known = np.isfinite(sample.blocks) & (sample.blocks >= MIN_BLOCKS)
    rows = np.maximum(sample.table.rows, 1.0).tolist()
    effects = [e if k else None for e, k in zip(sample.effects.tolist(), known.tolist(), strict=True)]
    figures = zip(score.tolist(), limit.tolist(), sample.effective.tolist(), effects, rows, strict=True)
    return tuple(
        ColumnVerdict(
            name=reference.name,
            role=role,
            state=state,
            score=one_score,
            limit=one_limit,
            effective_rows=effective,
            design_effect=effect,
            missing=counts.counts[-1] / n,
            outside=counts.outside / n,
            alerts=alert if role == "feature" else (),
        )
        for (role, reference, counts), state, alert, (one_score, one_limit, effective, effect, n) in zip(
            watched, states, alerts, figures, strict=True
        )
    )


def _states(
    score: Floats, limit: Floats, known: NDArray[np.bool_], effective: Floats, enough_rows: bool
) -> list[ColumnState]:
    if not enough_rows:
        return ["InsufficientData"] * score.size
    few = effective < MIN_EFFECTIVE
    names: tuple[ColumnState, ...] = ("Clear", "Warning", "Alarm", "Acknowledged", "InsufficientData")
    number = (score > WARN_AT * limit).astype(int) + (score > limit) + (known & (score > limit))
    return [names[i] for i in np.where(few, 4, number).tolist()]
