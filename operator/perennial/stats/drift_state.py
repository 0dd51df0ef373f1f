"""What the last windows mean together: 2 of 3, importance, prediction, quality. Pure; no scoring happens here."""

from collections.abc import Mapping, Sequence

from perennial.stats.verdicts import (
    ColumnHistory,
    ColumnVerdict,
    DriftOptions,
    DriftState,
    DriftStateName,
    Role,
    WindowVerdict,
)

DRIFTED_SHARE = 0.3
"""Importance-weighted share of features that must be drifted when the prediction is not."""
NAMED = 5


def drift_state(
    verdicts: Sequence[WindowVerdict],
    options: DriftOptions | None = None,
    *,
    importances: Mapping[str, float] | None = None,
) -> DriftState:
    """The state that a policy acts on.

    Args:
        verdicts: of one version's windows, oldest first; more than the last few are not needed (`of` evaluated ones
            of each column count).
        options: the policy's; None: the defaults.
        importances: by feature; negative ones count as 0, all zero as equal.
    """
    options = options or DriftOptions()
    if not any(v.evaluated for v in verdicts):
        return DriftState("InsufficientData", 0.0, (), message=_too_few(verdicts, options))
    weights = _weights(verdicts[-1], importances or {})
    columns = sorted(_histories(verdicts, options, weights), key=lambda c: -c.score / c.limit)
    share = sum(c.importance for c in columns if c.role == "feature" and c.drifted)
    known = sum(c.importance for c in columns if c.role == "feature" and _is_beyond(c, options))
    prediction = any(c.drifted for c in columns if c.role == "prediction")
    prediction_known = any(_is_beyond(c, options) for c in columns if c.role == "prediction")
    state = _state(verdicts, prediction or share >= DRIFTED_SHARE, prediction_known or known >= DRIFTED_SHARE)
    return DriftState(
        state=state,
        share=share,
        columns=tuple(columns),
        blocked=_alerting(verdicts, options, ("Missing", "Type")),
        alerts=_alerting(verdicts, options, ("Outside",)),
        since=_since(verdicts, columns, options),
        message=_message(state, columns, share, verdicts, options),
        notes=("RowsAssumedIndependent",) if verdicts[-1].assumed_independent else (),
    )


def _weights(verdict: WindowVerdict, importances: Mapping[str, float]) -> dict[str, float]:
    names = [c.name for c in verdict.columns if c.role == "feature"]
    clipped = {n: max(0.0, importances.get(n, 0.0)) for n in names}
    total = sum(clipped.values())
    return {n: v / total for n, v in clipped.items()} if total > 0 else {n: 1 / len(names) for n in names}


def _histories(
    verdicts: Sequence[WindowVerdict], options: DriftOptions, weights: Mapping[str, float]
) -> list[ColumnHistory]:
    seen: dict[tuple[Role, str], list[ColumnVerdict]] = {}
    for verdict in verdicts:
        for column in verdict.columns:
            if column.evaluated:
                seen.setdefault((column.role, column.name), []).append(column)
    return [_history(columns[-options.of :], options, weights) for columns in seen.values()]


def _history(last: list[ColumnVerdict], options: DriftOptions, weights: Mapping[str, float]) -> ColumnHistory:
    alarms = sum(c.state == "Alarm" for c in last)
    newest = last[-1]
    return ColumnHistory(
        name=newest.name,
        role=newest.role,
        score=newest.score,
        limit=newest.limit,
        alarms=alarms,
        acknowledged=sum(c.state == "Acknowledged" for c in last),
        evaluated=len(last),
        drifted=alarms >= options.failing,
        importance=weights.get(newest.name, 0.0) if newest.role == "feature" else 0.0,
    )


def _is_beyond(column: ColumnHistory, options: DriftOptions) -> bool:
    return column.alarms + column.acknowledged >= options.failing


def _state(verdicts: Sequence[WindowVerdict], drifted: bool, beyond: bool) -> DriftStateName:
    if drifted:
        return "Drifted"
    if beyond:
        return "Acknowledged"
    newest = verdicts[-1]
    if not newest.evaluated:
        return "InsufficientData"
    return "Warning" if any(c.state in ("Alarm", "Warning") for c in newest.columns) else "Clear"


def _alerting(verdicts: Sequence[WindowVerdict], options: DriftOptions, kinds: tuple[str, ...]) -> tuple[str, ...]:
    counts: dict[str, int] = {}
    for verdict in [v for v in verdicts if v.rows >= options.min_samples][-options.of :]:
        for column in verdict.columns:
            if any(kind in column.alerts for kind in kinds):
                counts[column.name] = counts.get(column.name, 0) + 1
    return tuple(sorted(name for name, count in counts.items() if count >= options.failing))


def _since(verdicts: Sequence[WindowVerdict], columns: Sequence[ColumnHistory], options: DriftOptions) -> str | None:
    """Start of the first of the windows that count and in which a drifted column alarms."""
    drifted = {(c.role, c.name) for c in columns if c.drifted}
    for verdict in [v for v in verdicts if v.evaluated][-options.of :]:
        if any((c.role, c.name) in drifted and c.state == "Alarm" for c in verdict.columns):
            return verdict.start
    return None


def _too_few(verdicts: Sequence[WindowVerdict], options: DriftOptions) -> str:
    if not verdicts:
        return "no window has closed yet"
    last = verdicts[-1]
    return (
        f"the last window has {last.rows} rows, worth {last.effective_rows:.0f} independent ones; "
        f"{options.min_samples} rows worth 300 are needed to say anything"
    )


def _message(
    state: DriftStateName,
    columns: Sequence[ColumnHistory],
    share: float,
    verdicts: Sequence[WindowVerdict],
    options: DriftOptions,
) -> str:
    if state == "InsufficientData":
        return _too_few(verdicts, options)
    beyond = [c for c in columns if _is_beyond(c, options)][:NAMED]
    listed = ", ".join(
        f"{c.name} {c.score:.2f} (limit {c.limit:.2f}, {c.alarms + c.acknowledged}/{c.evaluated})" for c in beyond
    )
    if state == "Drifted":
        return f"drifted: {listed}; importance-weighted share of features {share:.2f}"
    if state == "Acknowledged":
        return f"as far from training as before, when a new model was no better: {listed}"
    worst = columns[0]
    return f"highest: {worst.name} {worst.score:.2f} of limit {worst.limit:.2f}"
