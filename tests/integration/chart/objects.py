"""The smallest object of each kind, for tests that need some to be there."""

from typing import Any

from perennial.api.group import API_VERSION

SPECS: dict[str, dict[str, Any]] = {
    "ModelTraining": {
        "data": {"train": {"uri": "s3://perennial/datasets/demo/x/"}, "target": "late"},
        "algorithm": {"estimator": "sklearn.linear_model.LogisticRegression"},
    },
    "ModelDeployment": {"model": {"name": "x"}},
    "RetrainPolicy": {"trainingRef": {"name": "x"}, "triggers": {"schedule": {"cron": "0 3 * * 1"}}},
}


def smallest(kind: str, name: str, namespace: str) -> dict[str, Any]:
    """An object that the CRDs accept."""
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": SPECS[kind]}
