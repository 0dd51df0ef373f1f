"""What a `spec.container` says that cannot be meant. Pure."""

from perennial.api.problem import Problem
from perennial.api.training import ModelTrainingSpec


def container_problems(spec: ModelTrainingSpec) -> list[Problem]:
    """What is wrong with `container`, and with what cannot stand beside it."""
    container = spec.container
    if container is None:
        return []
    found = []
    if spec.preprocess != "auto":
        found.append(Problem("spec.preprocess", "code of your own does its preprocessing: remove it"))
    if spec.data.target is None and container.task in ("Classification", "Regression"):
        message = f"{container.task} needs a column to predict: name it in spec.data.target"
        found.append(Problem("spec.container.task", message))
    return found
