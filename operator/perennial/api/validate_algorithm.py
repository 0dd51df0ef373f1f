"""Whether estimator, parameters, metrics and decision of a ModelTraining exist and fit each other. Pure."""

from collections.abc import Iterator

from perennial.api.algorithm import Algorithm, Candidate
from perennial.api.estimators import TASKS, Estimator, EstimatorTask, did_you_mean, estimators
from perennial.api.metrics import METRICS
from perennial.api.problem import Problem
from perennial.api.training import ModelTrainingSpec

AMBIGUOUS = ("max_features", "max_samples")
"""Parameters where 1.0 means all and 1 means one: JSON stores both as 1."""


def algorithm_problems(spec: ModelTrainingSpec) -> list[Problem]:
    """What is wrong with `algorithm`, and with what hangs on its task."""
    if spec.algorithm is None:
        return list(_metric_problems(spec, []))
    known: list[Estimator] = []
    found: list[Problem] = []
    for field, design in designs(spec.algorithm):
        estimator = estimators().get(design.estimator)
        if estimator is None:
            found.append(_unknown_estimator(f"{field}.estimator", design.estimator))
        else:
            known.append(estimator)
            found += _parameter_problems(f"{field}.parameters", design, estimator)
    tasks = {e.task for e in known}
    if len(tasks) > 1:
        found.append(Problem("spec.algorithm.candidates", f"they are of one task, but these are {_listed(tasks)}"))
    if len(tasks) == 1:
        found += _task_problems(spec, tasks.pop())
    return [*found, *_metric_problems(spec, known)]


def designs(algorithm: Algorithm) -> list[tuple[str, Candidate]]:
    """The designs that are asked for, with the path of each."""
    if algorithm.estimator is not None:
        single = Candidate(estimator=algorithm.estimator, parameters=algorithm.parameters)
        return [("spec.algorithm", single)]
    return [(f"spec.algorithm.candidates[{i}]", c) for i, c in enumerate(algorithm.candidates)]


def _unknown_estimator(field: str, path: str) -> Problem:
    hint = did_you_mean(path, estimators())
    return Problem(
        field,
        f"{path} is no classifier, regressor or outlier detector of scikit-learn, LightGBM or XGBoost "
        f"that can be made from a spec{hint}",
    )


def _parameter_problems(field: str, design: Candidate, estimator: Estimator) -> Iterator[Problem]:
    for name, value in design.parameters.items():
        if name not in estimator.parameters and "__" not in name and not estimator.open:
            hint = did_you_mean(name, estimator.parameters)
            yield Problem(f"{field}.{name}", f"{estimator.path} has no parameter {name}{hint}")
        elif name in AMBIGUOUS and value == 1 and not isinstance(value, bool):
            yield Problem(
                f"{field}.{name}",
                "1 could mean one or all, for 1.0 is stored as 1: leave it out for the default, or write 2 or 0.999",
            )


def _task_problems(spec: ModelTrainingSpec, task: EstimatorTask) -> Iterator[Problem]:
    algorithm, data = spec.algorithm, spec.data
    if data.target is None and task != "outlier_detector":
        yield Problem("spec.data.target", f"a {task} learns to predict a column: name it")
    if task == "classifier":
        return
    if data.positive_class is not None and task == "regressor":
        yield Problem("spec.data.positiveClass", "a regressor predicts numbers and has no classes: remove it")
    if algorithm is not None and algorithm.decision is not None:
        yield Problem("spec.algorithm.decision", f"it chooses between classes, but the estimator is a {_said(task)}")
    if algorithm is not None and algorithm.calibration != "none":
        yield Problem("spec.algorithm.calibration", f"it is for classifiers, but the estimator is a {_said(task)}")
    if data.split_strategy == "stratified":
        yield Problem("spec.data.holdout.strategy", "stratified keeps the shares of classes: use random or temporal")


def _metric_problems(spec: ModelTrainingSpec, known: list[Estimator]) -> Iterator[Problem]:
    for field, name in _named_metrics(spec):
        metric = METRICS.get(name)
        if metric is None:
            fitting = [m.name for m in METRICS.values() if not known or m.tasks & TASKS[known[0].task]]
            yield Problem(field, f"there is no metric {name}{did_you_mean(name, fitting) or _choices(fitting)}")
            continue
        for estimator in known:
            possible = TASKS[estimator.task]
            if not metric.tasks & possible:
                fitting = [m.name for m in METRICS.values() if m.tasks & possible]
                yield Problem(field, f"{name} does not fit a {_said(estimator.task)}: use {', '.join(fitting)}")
            elif metric.needs == "probabilities" and not estimator.probabilities:
                yield Problem(field, f"{name} needs probabilities, which {estimator.path} has not: use another metric")


def _named_metrics(spec: ModelTrainingSpec) -> Iterator[tuple[str, str]]:
    if spec.evaluation is not None:
        for i, name in enumerate(spec.evaluation.metrics):
            yield f"spec.evaluation.metrics[{i}]", name
        for i, gate in enumerate(spec.evaluation.gates):
            yield f"spec.evaluation.gates[{i}].metric", gate.metric
    search = spec.algorithm.search if spec.algorithm else None
    if search is not None and search.objective is not None:
        yield "spec.algorithm.search.objective.metric", search.objective.metric


def _choices(names: list[str]) -> str:
    return f"; use one of {', '.join(names)}"


def _listed(tasks: set[EstimatorTask]) -> str:
    return ", ".join(sorted(_said(task) for task in tasks))


def _said(task: EstimatorTask) -> str:
    return task.replace("_", " ")
