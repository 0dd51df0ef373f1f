"""What is wrong with a spec beyond its schema and rules: names that do not exist, things that do not fit each other.

Pure; the operator turns it into a condition, the trainer into a refusal, lint into its output. Whether columns exist
is known only with the data; whether a cron line ever fires is the policy's question.
"""

from datetime import timedelta
from zoneinfo import ZoneInfo

from perennial.api.deployment import ModelDeploymentSpec
from perennial.api.estimators import did_you_mean
from perennial.api.fields import parse_duration, parse_time
from perennial.api.metrics import METRICS
from perennial.api.problem import Problem, too_large_requests
from perennial.api.retrain import RetrainPolicySpec
from perennial.api.training import ModelTrainingSpec
from perennial.api.validate_algorithm import algorithm_problems
from perennial.api.validate_container import container_problems
from perennial.api.validate_workload import workload_problems

DAY = timedelta(days=1)
SHORTEST_WINDOW = timedelta(seconds=10)


def validate_training(spec: ModelTrainingSpec) -> list[Problem]:
    """What is wrong with a ModelTraining.spec; empty if nothing is."""
    return [
        *_column_problems(spec),
        *_bound_problems(spec),
        *algorithm_problems(spec),
        *container_problems(spec),
        *workload_problems(spec),
        *too_large_requests(spec),
    ]


def validate_deployment(spec: ModelDeploymentSpec) -> list[Problem]:
    """What is wrong with a ModelDeployment.spec; empty if nothing is."""
    return [
        *_window_problems("spec.monitoring.window", spec.monitoring.window),
        *too_large_requests(spec),
    ]


def validate_policy(spec: RetrainPolicySpec) -> list[Problem]:
    """What is wrong with a RetrainPolicy.spec; empty if nothing is."""
    found: list[Problem] = []
    triggers = spec.triggers
    if triggers.schedule is not None:
        found += _zone_problems(triggers.schedule.time_zone)
    if triggers.drift is not None:
        found += _positive("spec.triggers.drift.window", triggers.drift.window)
    if triggers.performance is not None and triggers.performance.metric not in METRICS:
        found.append(unknown_metric("spec.triggers.performance.metric", triggers.performance.metric))
    if triggers.new_data is not None:
        found += _positive("spec.triggers.newData.pollInterval", triggers.new_data.poll_interval)
    if spec.data is not None and spec.data.last is not None:
        found += _positive("spec.data.last", spec.data.last)
    if spec.brakes.budget is not None:
        found += _positive("spec.brakes.budget.per", spec.brakes.budget.per)
    return found


def unknown_metric(field: str, name: str) -> Problem:
    """A metric that does not exist, with the nearest that do."""
    return Problem(field, f"there is no metric {name}{did_you_mean(name, METRICS)}")


def _column_problems(spec: ModelTrainingSpec) -> list[Problem]:
    features = spec.data.features
    if features is None:
        return []
    both = sorted(set(features.include) & set(features.exclude))
    never = sorted(set(features.include) & {features.id_column, features.sample_weight_column} - {None})
    return [
        *(Problem("spec.data.features.exclude", f"{c} is in include too: remove it from one of them") for c in both),
        *(Problem("spec.data.features.include", f"{c} is an id or weight and never a feature") for c in never),
    ]


def _bound_problems(spec: ModelTrainingSpec) -> list[Problem]:
    train = spec.data.train
    if train.start is None or train.end is None or parse_time(train.start) < parse_time(train.end):
        return []
    return [Problem("spec.data.train.to", f"{train.end} is not after from, {train.start}: no row lies between them")]


def _positive(field: str, text: str) -> list[Problem]:
    return (
        [] if parse_duration(text) > timedelta(0) else [Problem(field, f"{text} is no time at all: write more than 0")]
    )


def _window_problems(field: str, text: str) -> list[Problem]:
    """Windows are UTC slots of storage: equal slots have to fill a day."""
    window = parse_duration(text)
    if SHORTEST_WINDOW <= window <= DAY and DAY % window == timedelta(0):
        return []
    return [Problem(field, f"{text} does not fit: windows fill a day evenly, such as 10m, 30m, 1h, 6h or 24h")]


def _zone_problems(name: str) -> list[Problem]:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        message = f"there is no time zone {name}; write an IANA name such as Europe/Berlin or Etc/UTC"
        return [Problem("spec.triggers.schedule.timeZone", message)]
    return []
