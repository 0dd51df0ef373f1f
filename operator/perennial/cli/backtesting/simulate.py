"""One pass through history, day by day: predict first, learn afterwards, labels only after their delay."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from perennial.api.retrain import RetrainPolicySpec
from perennial.cli.backtesting.models import Fitted, Workshop
from perennial.cli.backtesting.watching import DAY, Watch
from perennial.policy.retrain import Decision, LabelFacts, NewDataFacts, PastRun, PolicySnapshot, decide
from perennial.stats.verdicts import DriftState


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


@dataclass(frozen=True)
class Wanted:
    """A run that a strategy wants: rows with start ≤ t < end."""

    trigger: str
    start: float
    end: float
    spec: RetrainPolicySpec | None = None  # of the policy that wants it


Chooser = Callable[["Replay", float], Wanted | None]
"""Asked at the end of each day."""


@dataclass
class Replay:
    """The state of one pass.

    Attributes:
        learnt: newest row that a challenger has had, seconds since 1970 UTC.
        drifted: the drift that the run under way is for.
    """

    workshop: Workshop
    watch: Watch
    delay: float
    done: Pass = field(default_factory=Pass)
    past: list[PastRun] = field(default_factory=list)
    last_schedule: datetime | None = None
    learnt: float = 0.0
    drifted: DriftState | None = None

    @property
    def champion(self) -> Fitted:
        """The model that serves."""
        return self.watch.model


def play(workshop: Workshop, first: Fitted, days: np.ndarray, delay: float, choose: Chooser) -> Pass:
    """Go through the days (starts, seconds since 1970 UTC, ascending) with one strategy."""
    replay = Replay(workshop, Watch(workshop, first, float(days[0])), delay)
    for day in days.tolist():
        rows = workshop.history.between(day, day + DAY)
        replay.done.served.append((rows, replay.champion))
        wanted = choose(replay, day + DAY)
        if wanted is not None:
            _retrain(replay, day + DAY, wanted)
    return replay.done


def _retrain(replay: Replay, now: float, wanted: Wanted) -> None:
    challenger = replay.workshop.fit(wanted.start, wanted.end)
    outcome, gain = ("Failed", 0.0) if challenger is None else replay.workshop.verdict(challenger, replay.champion)
    cost = challenger.cpu_seconds if challenger else 0.0
    moment = datetime.fromtimestamp(now, UTC)
    replay.done.runs.append(Run(now, wanted.trigger, outcome, gain, cost))
    replay.past.append(PastRun(f"run-{len(replay.past)}", wanted.trigger, moment, moment, outcome, cost, cost))  # type: ignore[arg-type]
    replay.learnt = max(replay.learnt, wanted.end)
    if outcome == "Promoted" and challenger is not None:
        replay.watch = Watch(replay.workshop, challenger, now)
    elif outcome == "Refused" and wanted.spec and wanted.spec.triggers.drift and replay.drifted:
        replay.watch.acknowledge(replay.drifted, wanted.spec.triggers.drift)


def never(replay: Replay, now: float) -> None:
    """The control that keeps the first model."""


def at_times(times: set[float], length: float) -> Chooser:
    """The control that retrains at given moments, whatever happens."""

    def choose(replay: Replay, now: float) -> Wanted | None:
        return Wanted("Random", now - replay.delay - length, now - replay.delay) if now in times else None

    return choose


def by_policy(spec: RetrainPolicySpec, created: float, length: float) -> Chooser:
    """A policy with its triggers and brakes, decided by the operator's own code."""
    since = datetime.fromtimestamp(created, UTC)

    def choose(replay: Replay, now: float) -> Wanted | None:
        snapshot = _snapshot(replay, spec, since, now)
        decision = decide(snapshot, datetime.fromtimestamp(now, UTC))
        if decision.action != "Retrain":
            return None
        replay.last_schedule = decision.schedule_acted or replay.last_schedule
        replay.drifted = snapshot.drift if "Drift" in decision.triggers else None
        return Wanted(decision.trigger or "", *_bounds(decision, replay, now, length), spec)

    return choose


def _bounds(decision: Decision, replay: Replay, now: float, length: float) -> tuple[float, float]:
    if decision.data.start and decision.data.end:
        return decision.data.start.timestamp(), decision.data.end.timestamp()
    return now - replay.delay - length, now - replay.delay


def _snapshot(replay: Replay, spec: RetrainPolicySpec, created: datetime, now: float) -> PolicySnapshot:
    history, known, triggers = replay.workshop.history, now - replay.delay, spec.triggers
    fresh = history.between(max(replay.champion.end, replay.learnt), known)
    snapshot = PolicySnapshot(
        name="policy",
        spec=spec,
        created_at=created,
        run_rows=history.between(replay.champion.start, replay.champion.end).size,
        label_delay=replay.delay,
        runs=tuple(replay.past),
        drift=replay.watch.drift(triggers.drift, now) if triggers.drift else None,
        performance=replay.watch.performance(triggers.performance, known) if triggers.performance else None,
        new_data=NewDataFacts(objects=int(bool(fresh.size)), rows=int(fresh.size)),
        last_schedule=replay.last_schedule,
    )
    return replace(snapshot, labels=_labels(replay, snapshot, known))


def _labels(replay: Replay, snapshot: PolicySnapshot, known: float) -> LabelFacts:
    """Labelled rows after the onset, or after the newest row that a challenger for it has had."""
    lost = snapshot.performance.since if snapshot.performance else None
    onsets = [replay.watch.onset, lost.timestamp() if lost else None]
    onset = min((t for t in onsets if t is not None), default=known)
    rows = replay.workshop.history.between(max(onset, replay.learnt), known)
    return LabelFacts(rows=int(rows.size), newest=datetime.fromtimestamp(known, UTC))


def random_times(days: np.ndarray, count: int, seed: int) -> set[float]:
    """As many moments as the policy had retrains, on a grid that replicates and their models share: weekly, or
    finer, where the policy retrains so often that it takes half as many points again to choose from."""
    rng = np.random.default_rng(seed)
    step = int(np.clip(2 * days.size // (3 * max(count, 1)), 1, 7))
    ends = days[step - 1 :: step] + DAY
    return set(rng.choice(ends, min(count, ends.size), replace=False).tolist())


def starts_of_days(history_start: float, history_end: float, warm_up: timedelta) -> np.ndarray:
    """Days after the warm-up, aligned to UTC."""
    begin = np.ceil((history_start + warm_up.total_seconds()) / DAY) * DAY
    return np.arange(begin, history_end, DAY)
