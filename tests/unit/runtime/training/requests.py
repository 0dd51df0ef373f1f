"""Requests for tests: a spec with as little in it as possible, and what a test adds to it."""

from typing import Any

from perennial.runtime.training.request import Request, request_of

ESTIMATOR = "sklearn.ensemble.HistGradientBoostingClassifier"


def spec(*, data: dict[str, Any] | None = None, algorithm: dict[str, Any] | None = None, **rest: Any) -> dict[str, Any]:
    """A ModelTraining.spec as JSON; `data` and `algorithm` are merged over the smallest ones."""
    base: dict[str, Any] = {"train": {"uri": "s3://datasets/t/"}, "target": "y"}
    return {"data": base | (data or {}), "algorithm": algorithm or {"estimator": ESTIMATOR}, **rest}


def request(**parts: Any) -> Request:
    """The trainer's view of `spec(**parts)`."""
    return request_of(spec(**parts))
