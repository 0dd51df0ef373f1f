"""Scores one window against the reference of its version: PSI, limit, rows that count, rates. Pure and vectorised.

What several windows mean together is in `perennial.stats.drift_state`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from perennial.api.records.profile import Profile, Reference
from perennial.api.records.window import ColumnCounts, WindowRecord
from perennial.stats.effective import MIN_BLOCKS
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
    counted = CountTable.of_counts([c for _, _, c in watched])
    effects, blocks = _effects(counted, watched, usual_effects or {})
    effective, reference_rows = counted.rows / effects, _reference_rows(references, watched)
    score, limit = _scored(counted, references, effective, reference_rows, blocks, watched, window, options)
    beyond = score > limit
    known = beyond & ~_beyond_acknowledged(watched, counted, effective, blocks, acknowledged, options)
    states = _states(score, limit, known, effective, window.rows >= options.min_samples)
    alerts = rate_alerts([r for _, r, _ in watched], [c for _, _, c in watched], counted, effects, reference_rows)
    columns = tuple(
        ColumnVerdict(
            name=reference.name,
            role=role,
            state=states[i],
            score=float(score[i]),
            limit=float(limit[i]),
            effective_rows=float(effective[i]),
            design_effect=float(effects[i]) if blocks[i] >= MIN_BLOCKS and np.isfinite(blocks[i]) else None,
            missing=counts.counts[-1] / max(counted.rows[i], 1.0),
            outside=counts.outside / max(counted.rows[i], 1.0),
            alerts=alerts[i] if role == "feature" else (),
        )
        for i, (role, reference, counts) in enumerate(watched)
    )
    assumed = bool(np.isinf(blocks).all() and not usual_effects)
    return WindowVerdict(
        window.start, window.end, window.rows, float(np.median(effective)), window.complete, columns, assumed
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


def _effects(counted: CountTable, watched: Sequence[Watched], usual: Mapping[str, float]) -> tuple[Floats, Floats]:
    """Design effect of each column, and from how many blocks it was estimated (∞: not from this window).

    With fewer than 20 blocks the larger of the window's own and the usual one; with one block and no earlier
    window, 1 is assumed.
    """
    blocks = np.array([float(c.blocks.blocks) for _, _, c in watched])
    usually = np.array([usual.get(r.name, 1.0) for _, r, _ in watched])
    own = np.where(blocks >= 2, counted.effects(), 1.0)
    taken = (blocks >= MIN_BLOCKS) | ((blocks >= 2) & (own >= usually))
    return np.where(taken, own, usually), np.where(taken, blocks, np.inf)


def _reference_rows(references: CountTable, watched: Sequence[Watched]) -> Floats:
    stated = np.array([r.effective_rows for _, r, _ in watched])
    return np.minimum(np.where(stated > 0, stated, references.rows), references.rows)


def _scored(
    counted: CountTable,
    references: CountTable,
    effective: Floats,
    reference_rows: Floats,
    blocks: Floats,
    watched: Sequence[Watched],
    window: WindowRecord,
    options: DriftOptions,
) -> tuple[Floats, Floats]:
    merged = merge_small(references.counts, counted.counts, references.exists, np.minimum(effective, reference_rows))
    noise = noise_limit(
        effective, reference_rows, merged.bins, alpha=options.alpha, watched=len(watched), blocks=blocks
    )
    start, end = (datetime.fromisoformat(t).timestamp() for t in (window.start, window.end))
    excess = np.array([window_excess(r.seasonal, start, end) if r.seasonal else -np.inf for _, r, _ in watched])
    season = excess + expected_noise(effective, reference_rows, merged.bins)
    return psi(merged), np.maximum(np.maximum(noise, options.threshold), season)


def _beyond_acknowledged(
    watched: Sequence[Watched],
    counted: CountTable,
    effective: Floats,
    blocks: Floats,
    acknowledged: WindowRecord | None,
    options: DriftOptions,
) -> NDArray[np.bool_]:
    """Which columns are beyond the limit against the acknowledged windows as well; all when there are none."""
    if acknowledged is None:
        return np.ones(len(watched), dtype=bool)
    found = [
        (acknowledged.features if role == "feature" else acknowledged.outputs).get(r.name) for role, r, _ in watched
    ]
    usable = np.array(
        [f is not None and len(f.counts) == len(c.counts) for f, (_, _, c) in zip(found, watched, strict=True)]
    )
    second = CountTable.of_counts(
        [f if f and ok else c for f, ok, (_, _, c) in zip(found, usable, watched, strict=True)]
    )
    rows = second.rows / second.effects()
    merged = merge_small(second.counts, counted.counts, counted.exists, np.minimum(effective, rows))
    noise = noise_limit(effective, rows, merged.bins, alpha=options.alpha, watched=len(watched), blocks=blocks)
    return ~usable | (psi(merged) > np.maximum(noise, options.threshold))


def _states(
    score: Floats, limit: Floats, known: NDArray[np.bool_], effective: Floats, enough_rows: bool
) -> list[ColumnState]:
    def state(i: int) -> ColumnState:
        if not enough_rows or effective[i] < MIN_EFFECTIVE:
            return "InsufficientData"
        if score[i] > limit[i]:
            return "Acknowledged" if known[i] else "Alarm"
        return "Warning" if score[i] > WARN_AT * limit[i] else "Clear"

    return [state(i) for i in range(score.size)]
