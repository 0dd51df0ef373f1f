"""The ModelTraining that a RetrainPolicy makes: the referenced spec with the data pinned."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from perennial.desired import labels, names

DECISION = "perennial.dev/decision"
TRIGGER = "perennial.dev/trigger"
REASON = "perennial.dev/reason"


@dataclass(frozen=True, slots=True)
class PinnedData:
    """The rows that a retraining uses. `start`/`end` are bounds on the time column, ISO 8601 UTC."""

    digest: str | None = None
    start: str | None = None
    end: str | None = None


def child_training(
    policy: Mapping[str, Any],
    training: Mapping[str, Any],
    *,
    decision: str,
    trigger: str,
    reason: str,
    data: PinnedData,
) -> dict[str, Any]:
    """A ModelTraining owned by `policy`, with the spec of `training` and its registry model.

    Args:
        decision: identifies the decision; the child's name is a function of it.
        reason: one sentence for people, kept as an annotation.
    """
    spec = deepcopy(dict(training["spec"]))
    spec["model"] = spec.get("model") or training["metadata"]["name"]
    for field in ("suspend", "managedBy"):
        spec.pop(field, None)
    _refit_on_all_rows(spec)
    train = spec["data"]["train"]
    for field, value in (("digest", data.digest), ("from", data.start), ("to", data.end)):
        train.pop(field, None)
        if value is not None:
            train[field] = value
    name = names.child_training(policy["metadata"]["name"], policy["metadata"]["uid"], decision)
    child = labels.child_labels(
        "RetrainPolicy", policy["metadata"]["name"], component="retraining", model=spec["model"]
    )
    notes = {DECISION: decision, TRIGGER: trigger, REASON: reason[:1024]}
    queue = training["metadata"].get("labels", {}).get(labels.QUEUE)
    if queue:
        child[labels.QUEUE] = queue
    return {
        "apiVersion": training["apiVersion"],
        "kind": "ModelTraining",
        "metadata": labels.child_metadata(policy, name, child, notes),
        "spec": spec,
    }


def _refit_on_all_rows(spec: dict[str, Any]) -> None:
    """Under a policy with a temporal split the judged pipeline is fitted once more on all rows, unless the spec says
    otherwise: else the newest rows, which are what a retraining is for, would only judge."""
    data, algorithm = spec["data"], spec.get("algorithm")
    strategy = (data.get("holdout") or {}).get("strategy")
    timed = strategy == "temporal" or (strategy is None and (data.get("features") or {}).get("timeColumn"))
    if algorithm is not None and timed and "refit" not in algorithm:
        algorithm["refit"] = "all"
