"""Our kinds on a real API server: samples, names, typos, what cannot be changed, scale, status, columns."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from perennial.api import (
    ModelDeploymentStatus,
    ModelTrainingStatus,
    RetrainPolicyStatus,
    with_condition,
)
from tests.support.apiserver import ApiServer
from tests.support.rule_examples import body

pytestmark = pytest.mark.apiserver

SAMPLES = Path(__file__).parents[3] / "manifests/samples"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def create(apiserver: ApiServer, namespace: str, document: dict[str, Any]) -> str:
    """What the server says: the object as JSON, or its refusal."""
    run = apiserver.kubectl(
        "-n", namespace, "create", "--validate=strict", "-o", "json", "-f", "-", input=json.dumps(document), check=False
    )
    return run.stdout or run.stderr


def patch(apiserver: ApiServer, namespace: str, target: str, change: dict[str, Any], *more: str) -> str:
    run = apiserver.kubectl(
        "-n", namespace, "patch", target, "--type=merge", "-o", "json", "-p", json.dumps(change), *more, check=False
    )
    return run.stdout or run.stderr


@pytest.mark.parametrize("sample", sorted(p.name for p in SAMPLES.glob("*.yaml") if p.name != "kustomization.yaml"))
def test_a_sample_is_accepted_with_every_field_kept(with_crds: ApiServer, namespace: str, sample: str) -> None:
    run = with_crds.kubectl("-n", namespace, "create", "--validate=strict", "-f", str(SAMPLES / sample))
    assert "created" in run.stdout


@pytest.mark.parametrize("kind", ["ModelTraining", "ModelDeployment", "RetrainPolicy"])
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a" * 41, "at most 40 characters"),
        ("7-flights", "begins with a letter"),
        ("flights.late", "begins with a letter"),
    ],
)
def test_a_name_that_children_could_not_carry_is_refused(
    with_crds: ApiServer, namespace: str, kind: str, name: str, message: str
) -> None:
    assert message in create(with_crds, namespace, body(kind, {}, name))


def test_a_name_of_forty_characters_is_accepted(with_crds: ApiServer, namespace: str) -> None:
    assert '"uid"' in create(with_crds, namespace, body("ModelTraining", {}, "a" * 40))


def test_a_typo_in_a_field_is_refused_by_name(with_crds: ApiServer, namespace: str) -> None:
    said = create(with_crds, namespace, body("ModelTraining", {"data.traget": "late"}))
    assert 'unknown field "spec.data.traget"' in said


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": "many"}, "spec.seed"),
        ({"data.train": {"uri": "datasets/flights"}}, "spec.data.train.uri"),
        ({"algorithm.calibration": "platt"}, 'supported values: "none", "isotonic", "sigmoid"'),
        ({"template.securityContext": {"runAsUser": 0}}, "greater than or equal to 1"),
        ({"template.volumes": [{"name": "v", "hostPath": {"path": "/"}}]}, "hostPath"),
        ({"template.automountServiceAccountToken": True}, "unknown field"),
        ({"evaluation.metrics": ["roc_auc", "roc_auc"]}, "Duplicate value"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_its_field(
    with_crds: ApiServer, namespace: str, change: dict[str, Any], message: str
) -> None:
    assert message in create(with_crds, namespace, body("ModelTraining", change))


@pytest.mark.parametrize(
    ("kind", "before", "change", "message"),
    [
        ("ModelTraining", {}, {"managedBy": "kueue.x-k8s.io/multikueue"}, "spec.managedBy cannot be added"),
        ("ModelTraining", {"managedBy": "a.b/c"}, {"managedBy": None}, "spec.managedBy cannot be added"),
        ("ModelTraining", {"managedBy": "a.b/c"}, {"managedBy": "a.b/d"}, "spec.managedBy cannot be added"),
        ("ModelTraining", {}, {"model": "other"}, "spec.model cannot be changed"),
        ("ModelTraining", {"model": "one"}, {"model": None}, "spec.model cannot be changed"),
        ("RetrainPolicy", {}, {"trainingRef": {"name": "other"}}, "spec.trainingRef cannot be changed"),
    ],
)
def test_what_identities_hang_on_cannot_be_changed(
    with_crds: ApiServer, namespace: str, kind: str, before: dict[str, Any], change: dict[str, Any], message: str
) -> None:
    assert '"uid"' in create(with_crds, namespace, body(kind, before))
    assert message in patch(with_crds, namespace, f"{kind}/example", {"spec": change})


def test_writing_the_default_model_name_out_is_no_change(with_crds: ApiServer, namespace: str) -> None:
    create(with_crds, namespace, body("ModelTraining", {}))
    assert '"model": "example"' in patch(with_crds, namespace, "mtr/example", {"spec": {"model": "example"}})


def test_a_deployment_is_scaled_by_its_subresource(with_crds: ApiServer, namespace: str) -> None:
    made = json.loads(create(with_crds, namespace, body("ModelDeployment", {})))
    assert made["spec"] == {"model": {"name": "flight-delays"}, "replicas": 2}
    status = ModelDeploymentStatus(replicas=2, selector="perennial.dev/revision=abc").to_json_dict()
    patch(with_crds, namespace, "mdp/example", {"status": status}, "--subresource=status")
    with_crds.kubectl("-n", namespace, "scale", "mdp/example", "--replicas=5")
    scale = json.loads(
        with_crds.kubectl("-n", namespace, "get", "mdp/example", "--subresource=scale", "-o", "json").stdout
    )
    assert (scale["spec"]["replicas"], scale["status"]) == (
        5,
        {"replicas": 2, "selector": "perennial.dev/revision=abc"},
    )


def test_parameters_keep_their_values_but_one_and_one_point_nought_are_the_same(
    with_crds: ApiServer, namespace: str
) -> None:
    given: dict[str, Any] = {"a": None, "b": 1.0, "c": [], "d": {"x": 0.5}, "e": True, "f": "1"}
    made = json.loads(create(with_crds, namespace, body("ModelTraining", {"algorithm.parameters": given})))
    kept = made["spec"]["algorithm"]["parameters"]
    assert kept == {**given, "b": 1}
    assert isinstance(kept["b"], int)


def ready(status: Any, reason: str) -> Any:
    return status.replace(conditions=with_condition([], "Ready", True, reason, "All is well.", generation=1, now=NOW))


FULL: dict[str, Any] = {
    "ModelTraining": ready(
        ModelTrainingStatus.model_validate(
            {
                "observedGeneration": 1,
                "startTime": "2026-01-01T00:00:00Z",
                "data": {"digest": "sha256:a", "rows": 3, "bytes": 4, "columns": 2, "from": "2013-01-01T00:00:00Z"},
                "run": {"key": "k", "stage": "evaluate", "progress": {"percent": 88, "message": "x" * 5000}},
                "metrics": {"roc_auc": 0.66, "log_loss": 1},
                "keyMetric": "roc_auc 0.660",
                "gates": [{"metric": "roc_auc", "result": "Passed", "observed": 0.66, "message": "fine"}] * 70,
                "version": {"number": 7, "state": "Approved"},
                "failure": {"reason": "OutOfMemory", "message": "m" * 5000, "exitCode": 137},
                "cost": {"cpuSeconds": 1.5, "memoryGiBSeconds": 2},
            }
        ),
        "Approved",
    ),
    "ModelDeployment": ready(
        ModelDeploymentStatus.model_validate(
            {
                "stable": {"version": 7, "revision": "r", "replicas": 2},
                "candidate": {
                    "version": 8,
                    "revision": "s",
                    "weight": 25,
                    "analysis": [{"metric": "errorRate", "result": "Passed", "stable": 0, "candidate": 0.01}],
                },
                "history": [{"version": 7, "result": "Promoted", "at": "2026-01-01T00:00:00Z"}] * 30,
                "rejected": [{"artifact": "sha256:a", "at": "2026-01-01T00:00:00Z"}],
            }
        ),
        "Serving",
    ),
    "RetrainPolicy": ready(
        RetrainPolicyStatus.model_validate(
            {
                "drift": {"state": "Drifted", "worst": [{"feature": "distance", "score": 0.3, "limit": 0.2}]},
                "next": {"blockedBy": ["Cooldown", "NewLabels"]},
                "runs": [{"training": "t-1", "trigger": "Drift", "startedAt": "2026-01-01T00:00:00Z"}],
                "budget": {"usedCPUHours": 1.5},
            }
        ),
        "Watching",
    ),
}

SHOWN = {
    "ModelTraining": ["True", "Approved", "7", "roc_auc 0.660"],
    "ModelDeployment": ["True", "Serving", "7", "8", "25"],
    "RetrainPolicy": ["True", "Watching", "Drifted", "t-1"],
}


@pytest.mark.parametrize("kind", FULL)
def test_a_full_status_is_stored_whole_and_shown_in_columns(with_crds: ApiServer, namespace: str, kind: str) -> None:
    create(with_crds, namespace, body(kind, {}))
    status = FULL[kind].to_json_dict()
    stored = json.loads(patch(with_crds, namespace, f"{kind}/example", {"status": status}, "--subresource=status"))
    assert stored["status"] == status
    row = with_crds.kubectl("-n", namespace, "get", kind, "--no-headers").stdout
    assert all(word in row for word in SHOWN[kind]), row


def test_all_kinds_are_listed_by_short_name_and_category(with_crds: ApiServer, namespace: str) -> None:
    for kind in FULL:
        create(with_crds, namespace, body(kind, {}))
    for named in ("mtr,mdp,rtp", "perennial", "mlops"):
        listed = with_crds.kubectl("-n", namespace, "get", named, "-o", "name").stdout.split()
        assert len(listed) == 3
