"""One pass through history, day by day: predict first, learn afterwards, labels only after their delay."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from perennial.api.fields import parse_duration
from perennial.api.retrain import RetrainPolicySpec
from perennial.cli.backtesting.models import Fitted, Workshop
from perennial.policy.retrain import Decision, LabelFacts, NewDataFacts, PastRun, PolicySnapshot, decide
from perennial.runtime.monitoring.replay import windows_of
from perennial.stats.drift import evaluate_window, typical_effects
from perennial.stats.drift_state import drift_state
from perennial.stats.verdicts import DriftOptions, WindowVerdict

DAY = 86400.0
WINDOWS_KEPT = 12


@dataclass(frozen=True)
class Run:
    """One retraining of a replay."""

    at: float
    trigger: str
    outcome: str
    gain: float
    cpu_seconds: float


@dataclass
class Pass:
    """What a strategy did: which model answered each row, and its runs."""

    models: list[Fitted] = field(default_factory=list)
    served: list[tuple[np.ndarray, Fitted]] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)

    @property
    def cpu_seconds(self) -> float:
        """CPU time of all its runs."""
        return sum(r.cpu_seconds for r in self.runs)


Chooser = Callable[["Replay", float], tuple[str, float, float] | None]
"""Asked at the end of each day: (trigger, data start, data end) of a run, or None."""


@dataclass
class Replay:
    """The state of one pass."""

    workshop: Workshop
    champion: Fitted
    delay: float
    done: Pass = field(default_factory=Pass)
    verdicts: list[WindowVerdict] = field(default_factory=list)
    past: list[PastRun] = field(default_factory=list)
    last_schedule: datetime | None = None


def play(workshop: Workshop, first: Fitted, days: np.ndarray, delay: float, choose: Chooser) -> Pass:
    """Go through the days (starts, seconds since 1970 UTC, ascending) with one strategy."""
    replay = Replay(workshop, first, delay)
    for day in days.tolist():
        rows = workshop.history.between(day, day + DAY)
        replay.done.served.append((rows, replay.champion))
        wanted = choose(replay, day + DAY)
        if wanted is not None:
            _retrain(replay, day + DAY, *wanted)
    return replay.done


def _retrain(replay: Replay, now: float, trigger: str, start: float, end: float) -> None:
    challenger = replay.workshop.fit(start, end)
    outcome, gain = ("Failed", 0.0) if challenger is None else replay.workshop.verdict(challenger, replay.champion)
    cost = challenger.cpu_seconds if challenger else 0.0
    moment = datetime.fromtimestamp(now, UTC)
    replay.done.runs.append(Run(now, trigger, outcome, gain, cost))
    replay.past.append(PastRun(f"run-{len(replay.past)}", trigger, moment, moment, outcome, cost, cost))  # type: ignore[arg-type]
    if outcome == "Promoted" and challenger is not None:
        replay.champion, replay.verdicts = challenger, []


def never(replay: Replay, now: float) -> None:
    """The control that keeps the first model."""


def at_times(times: set[float], length: float) -> Chooser:
    """The control that retrains at given moments, whatever happens."""

    def choose(replay: Replay, now: float) -> tuple[str, float, float] | None:
        return ("Random", now - replay.delay - length, now - replay.delay) if now in times else None

    return choose


def by_policy(spec: RetrainPolicySpec, created: float, length: float) -> Chooser:
    """A policy with its triggers and brakes, decided by the operator's own code."""
    since = datetime.fromtimestamp(created, UTC)

    def choose(replay: Replay, now: float) -> tuple[str, float, float] | None:
        decision = decide(_snapshot(replay, spec, since, now), datetime.fromtimestamp(now, UTC))
        if decision.action != "Retrain":
            return None
        replay.last_schedule = decision.schedule_acted or replay.last_schedule
        return decision.trigger or "", *_bounds(decision, replay, now, length)

    return choose


def _bounds(decision: Decision, replay: Replay, now: float, length: float) -> tuple[float, float]:
    if decision.data.start and decision.data.end:
        return decision.data.start.timestamp(), decision.data.end.timestamp()
    return now - replay.delay - length, now - replay.delay


def _snapshot(replay: Replay, spec: RetrainPolicySpec, created: datetime, now: float) -> PolicySnapshot:
    history, known = replay.workshop.history, now - replay.delay
    fresh = history.between(replay.champion.end, known)
    snapshot = PolicySnapshot(
        name="policy",
        spec=spec,
        created_at=created,
        run_rows=history.between(replay.champion.start, replay.champion.end).size,
        label_delay=replay.delay,
        runs=tuple(replay.past),
        new_data=NewDataFacts(objects=int(bool(fresh.size)), rows=int(fresh.size)),
        last_schedule=replay.last_schedule,
    )
    if spec.triggers.drift is None:
        return snapshot
    _judge_day(replay, spec, now)
    state = drift_state(replay.verdicts, _options(spec))
    onset = datetime.fromisoformat(state.since).timestamp() if state.since else now
    labels = LabelFacts(rows=int(history.between(onset, known).size), newest=datetime.fromtimestamp(known, UTC))
    return replace(snapshot, drift=state, labels=labels)


def _judge_day(replay: Replay, spec: RetrainPolicySpec, now: float) -> None:
    """Evaluate the windows of the day that has just ended; a window is a day at least."""
    assert spec.triggers.drift is not None  # noqa: S101  the caller looked
    length = max(DAY, parse_duration(spec.triggers.drift.window).total_seconds())
    if now % length:
        return
    history = replay.workshop.history
    rows = history.between(now - length, now)
    columns = {name: values[rows] for name, values in history.columns.items()}
    answers = replay.workshop.truth_and_answers(replay.champion, rows)
    score = answers.score if answers.score is not None and answers.score.ndim == 1 else answers.answer
    profile = replay.workshop.profile(replay.champion)
    single = [o.name for o in profile.outputs[:1] if len(profile.outputs) == 1]
    outputs = dict.fromkeys(single, score)
    for window in windows_of(profile, columns, history.seconds[rows], length, outputs=outputs):
        effects = typical_effects(replay.verdicts)
        replay.verdicts.append(evaluate_window(profile, window, _options(spec), usual_effects=effects))
    del replay.verdicts[:-WINDOWS_KEPT]


def _options(spec: RetrainPolicySpec) -> DriftOptions:
    drift = spec.triggers.drift
    if drift is None:
        return DriftOptions()
    return DriftOptions(
        threshold=drift.threshold,
        alpha=drift.false_alarm_rate,
        min_samples=drift.min_samples,
        failing=drift.windows.failing,
        of=drift.windows.of,
        features=tuple(drift.features),
    )


def random_times(days: np.ndarray, count: int, seed: int) -> set[float]:
    """As many moments as the policy had retrains, at the ends of random weeks, so that replicates share models."""
    rng = np.random.default_rng(seed)
    ends = days[6::7] + DAY
    return set(rng.choice(ends, min(count, ends.size), replace=False).tolist())


def starts_of_days(history_start: float, history_end: float, warm_up: timedelta) -> np.ndarray:
    """Days after the warm-up, aligned to UTC."""
    begin = np.ceil((history_start + warm_up.total_seconds()) / DAY) * DAY
    return np.arange(begin, history_end, DAY)
