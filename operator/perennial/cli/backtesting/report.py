"""Runs all strategies of a backtest and puts their figures side by side."""

from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import Progress
from threadpoolctl import threadpool_limits

from perennial.api.evaluation import Evaluation
from perennial.api.fields import format_time, parse_duration
from perennial.api.metrics import METRICS, USUAL
from perennial.api.retrain import RetrainPolicySpec
from perennial.api.training import ModelTraining
from perennial.cli.backtesting.compare import versus as compared
from perennial.cli.backtesting.compare import weekly
from perennial.cli.backtesting.history import HistoryRefused, load_history
from perennial.cli.backtesting.models import Workshop
from perennial.cli.backtesting.simulate import (
    Chooser,
    Pass,
    Run,
    at_times,
    by_policy,
    never,
    play,
    random_times,
    starts_of_days,
)

CRON = "0 0 1 * *"
"""The fixed control: the first of each month."""


@dataclass(frozen=True)
class Played:
    """A pass and the metric of each of its weeks, shape (weeks,)."""

    done: Pass
    by_week: np.ndarray


def run_backtest(
    policy: RetrainPolicySpec,
    training: ModelTraining,
    uri: str,
    time_column: str,
    label_delay: str,
    warm_up: str,
    *,
    replicates: int,
    console: Console,
) -> dict[str, Any]:
    """The whole comparison as JSON. Raises HistoryRefused: too little history, or data unlike the training's."""
    workshop = _workshop(training, uri, time_column)
    history, length = workshop.history, parse_duration(warm_up)
    delay = parse_duration(label_delay).total_seconds()
    days = starts_of_days(float(history.seconds[0]), float(history.seconds[-1]), length)
    first = workshop.fit(float(history.seconds[0]), float(days[0])) if days.size else None
    if first is None or days.size < 14:
        raise HistoryRefused(f"{uri}: {days.size} days lie after a warm-up of {warm_up}; at least 14 are needed")
    span = _length(policy, warm_up)
    cron = policy.model_copy(update={"triggers": policy.triggers.model_validate({"schedule": {"cron": CRON}})})
    with Progress(console=console) as bar, threadpool_limits(1):  # threads that wait for a core would count as cost
        task = bar.add_task("replaying", total=3 + replicates)

        def run(choose: Chooser) -> Played:
            done = play(workshop, first, days, delay, choose)
            by_week = weekly(workshop, done, float(days[0]))
            bar.advance(task)
            return Played(done, by_week)

        passes = {
            "policy": run(by_policy(policy, float(days[0]), span)),
            "never": run(never),
            "monthly cron": run(by_policy(cron, float(days[0]), span)),
        }
        count = len(passes["policy"].done.runs)
        random = [run(at_times(random_times(days, count, seed), span)) for seed in range(replicates)]
    return _result(workshop, passes, random, label_delay)


def _length(policy: RetrainPolicySpec, warm_up: str) -> float:
    """Seconds of data that a run trains on."""
    return parse_duration(policy.data.last if policy.data and policy.data.last else warm_up).total_seconds()


def _workshop(training: ModelTraining, uri: str, time_column: str) -> Workshop:
    history = load_history(training, uri, time_column)
    evaluation = training.spec.evaluation or Evaluation()
    metric = evaluation.metrics[0] if evaluation.metrics else USUAL[history.signature.task][0]
    gates = [g for g in evaluation.gates if g.slice is None]
    assert training.spec.algorithm is not None  # noqa: S101  load_history looked
    return Workshop(history, training.spec.algorithm, gates, metric, METRICS[metric].maximize, training.spec.seed)


def _result(workshop: Workshop, passes: dict[str, Played], random: list[Played], label_delay: str) -> dict[str, Any]:
    by_week = {name: played.by_week for name, played in passes.items()}
    by_week["random times"] = np.nanmean([played.by_week for played in random], axis=0)
    groups = {**{name: [p.done] for name, p in passes.items()}, "random times": [p.done for p in random]}
    better = workshop.larger_is_better
    controls = [name for name in by_week if name != "policy"]
    versus = [compared(by_week["policy"], by_week[name], name, larger_is_better=better) for name in controls]
    return {
        "metric": workshop.metric,
        "labelDelay": label_delay,
        "replicates": len(random),
        "strategies": [_strategy(name, group, by_week[name]) for name, group in groups.items()],
        "comparisons": [
            {
                "control": v.control,
                "verdict": v.verdict,
                "difference": v.difference,
                "lower": _number(v.lower),
                "upper": _number(v.upper),
            }
            for v in versus
        ],
        "runs": [_run(run) for run in passes["policy"].done.runs],
        "weekly": {name: [_number(x) for x in values.tolist()] for name, values in by_week.items()},
    }


def _strategy(name: str, group: list[Pass], by_week: np.ndarray) -> dict[str, Any]:
    return {
        "name": name,
        "value": float(np.nanmean(by_week)),
        "retrains": float(np.mean([len(p.runs) for p in group])),
        "promoted": float(np.mean([sum(r.outcome == "Promoted" for r in p.runs) for p in group])),
        "cpuSeconds": float(np.mean([p.cpu_seconds for p in group])),
    }


def _run(run: Run) -> dict[str, Any]:
    at = format_time(datetime.fromtimestamp(run.at, UTC))
    return {"at": at, "trigger": run.trigger, "outcome": run.outcome, "gain": run.gain, "cpuSeconds": run.cpu_seconds}


def _number(x: float) -> float | None:
    return x if isfinite(x) else None
