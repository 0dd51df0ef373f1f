"""How much work a design is, relative to others: what decides between fits that are equally good.

A rough, fixed table rather than measured seconds, for no decision may depend on the clock.
"""

import math
from collections.abc import Mapping
from typing import Any

OF_NAME = (
    ("Dummy", 0.1), ("NB", 1.0), ("Ridge", 1.0), ("Linear", 1.0), ("Logistic", 1.5), ("Lasso", 1.5), ("Elastic", 1.5),
    ("SGD", 1.5), ("DecisionTree", 2.0), ("ExtraTree", 2.0), ("HistGradient", 10.0), ("LGBM", 10.0), ("XGB", 12.0),
    ("RandomForest", 30.0), ("ExtraTrees", 25.0), ("GradientBoosting", 40.0), ("MLP", 40.0), ("KNeighbors", 50.0),
    ("SV", 60.0), ("Stacking", 200.0), ("Voting", 100.0),
)  # fmt: skip
"""Part of a class name → seconds, roughly, for 10,000 × 20 with defaults on one core; the longest match counts."""

USUAL = 20.0
GROWING = ("n_estimators", "max_iter")
"""Parameters that the work is proportional to; 100 is the usual value."""


def effort(estimator: str, parameters: Mapping[str, Any]) -> float:
    """Relative work of fitting and serving a design."""
    name = estimator.rsplit(".", 1)[-1]
    matches = [(len(part), work) for part, work in OF_NAME if part in name]
    work = max(matches)[1] if matches else USUAL
    for key in GROWING:
        if isinstance(parameters.get(key), int | float):
            work *= max(float(parameters[key]), 1.0) / 100
    leaves = parameters.get("max_leaf_nodes") or parameters.get("num_leaves")
    depth = parameters.get("max_depth")
    if isinstance(leaves, int | float) and leaves > 1:
        work *= math.log2(leaves) / 5
    elif isinstance(depth, int | float) and depth > 0:
        work *= depth / 6
    return work
