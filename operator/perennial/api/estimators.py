"""Which estimators a spec may name, from the generated table `estimators.json`; scikit-learn is not imported here.

`python -m hack.estimators` writes the table from what the trainer can load.
"""

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from perennial.api.records.run import TaskType

EstimatorTask = Literal["classifier", "regressor", "outlier_detector"]

TASKS: dict[EstimatorTask, frozenset[TaskType]] = {
    "classifier": frozenset({"Binary", "Multiclass"}),
    "regressor": frozenset({"Regression"}),
    "outlier_detector": frozenset({"Outlier"}),
}
"""What a run of each may turn out to be; which kind of classification is known when the target is read."""


@dataclass(frozen=True, slots=True)
class Estimator:
    """What the API knows of one estimator."""

    path: str
    task: EstimatorTask
    probabilities: bool  # has predict_proba, at least with some parameters
    open: bool  # takes further keyword arguments
    parameters: frozenset[str]


@cache
def estimators() -> Mapping[str, Estimator]:
    """Dotted path → estimator."""
    table = json.loads(files("perennial.api").joinpath("estimators.json").read_text(encoding="utf-8"))
    return {
        path: Estimator(path, row["task"], row["probabilities"], row["open"], frozenset(row["parameters"]))
        for path, row in table.items()
    }


def nearest(name: str, names: Iterable[str], *, count: int = 3) -> list[str]:
    """The names most like `name`, best first; the last part of a dotted path counts more than the rest."""
    known = sorted(names)
    last = name.rpartition(".")[2].lower()
    same = [k for k in known if k.rpartition(".")[2].lower() == last]
    by_last = {k.rpartition(".")[2].lower(): k for k in known}
    close = [by_last[m] for m in difflib.get_close_matches(last, by_last, n=count, cutoff=0.6)]
    whole = difflib.get_close_matches(name, known, n=count, cutoff=0.6)
    return same or list(dict.fromkeys([*close, *whole]))[:count]


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """`; did you mean a, b?`, or nothing where no name is like it."""
    found = nearest(name, names)
    return f"; did you mean {' or '.join(found)}?" if found else ""
