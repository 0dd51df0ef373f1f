"""Every builder's manifests as they are applied."""

from pathlib import Path
from typing import Any

from perennial.api.records.task import Champion, Task
from perennial.desired import labels
from perennial.desired.availability import autoscaler, disruption_budget
from perennial.desired.child_training import PinnedData, child_training
from perennial.desired.route import http_route
from perennial.desired.search_round import round_job
from perennial.desired.serving_revision import (
    Revision,
    pod_template,
    public_service,
    revision_service,
    rollout_plan,
    serving_deployment,
)
from perennial.desired.training_job import JobOptions, TrainerImage, training_job
from tests.support.golden import assert_golden

GOLDEN = Path(__file__).parent / "golden"
KEY = "ab" * 32


def owner(kind: str, **metadata: Any) -> dict[str, Any]:
    spec = {
        "data": {"train": {"uri": "s3://perennial/datasets/demo/", "digest": "sha256:" + "0" * 64}},
        "suspend": True,
    }
    return {
        "apiVersion": "perennial.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": "flights", "namespace": "demo", "uid": "11111111-2222", **metadata},
        "spec": spec,
    }


def task() -> Task:
    return Task(
        namespace="demo",
        model="flights",
        training="flights",
        uid="11111111-2222",
        registry="s3://perennial/registry",
        run_key=KEY,
        spec={"data": {"train": {"uri": "s3://perennial/datasets/demo/"}}},
        champion=Champion(run_digest="sha256:" + KEY, version=3),
    )


def revision(**more: Any) -> Revision:
    config = {"model": "flights", "artifactDigest": "sha256:" + KEY}
    return Revision(
        key=KEY, model="flights", version=7, image="server:1", pull_policy="IfNotPresent", server_config=config, **more
    )


def test_the_job_of_a_run() -> None:
    job = training_job(owner("ModelTraining"), "flights-1", task(), TrainerImage("trainer:1"), JobOptions())
    assert_golden(GOLDEN / "training_job.yaml", job)


def test_the_job_of_a_run_with_everything_the_spec_can_say() -> None:
    options = JobOptions(
        template={
            "labels": {"team": "ops", "app.kubernetes.io/managed-by": "me"},
            "annotations": {"a": "b"},
            "resources": {"requests": {"cpu": "2"}, "limits": {"memory": "8Gi"}},
            "nodeSelector": {"disk": "ssd"},
            "env": [{"name": "X", "value": "1"}, {"name": "PERENNIAL_TASK", "value": "{}"}],
            "securityContext": {"runAsUser": 1000},
            "serviceAccountName": "mine",
        },
        active_deadline_seconds=3600,
        backoff_limit=0,
        ttl_seconds_after_finished=60,
        pod_failure_rules=({"action": "Count", "onExitCodes": {"operator": "In", "values": [70]}},),
        priority_class_name="high",
        data_secret="elsewhere",
    )
    queued = owner("ModelTraining", labels={labels.QUEUE: "team-queue"})
    job = training_job(queued, "flights-1", task(), TrainerImage("trainer:1", "Always"), options)
    assert_golden(GOLDEN / "training_job_full.yaml", job)


def test_the_job_of_a_round_of_a_search() -> None:
    asked = task().model_copy(update={"kind": "Trial", "parameters": {"search": KEY, "round": 1}})
    rules = ({"action": "Count", "onExitCodes": {"operator": "In", "values": [70]}},)
    options = JobOptions(active_deadline_seconds=900, backoff_limit=5, pod_failure_rules=rules)
    owned = owner("ModelTraining")
    job = round_job(owned, "flights-1-r1", asked, TrainerImage("trainer:1"), options, trials=9, parallelism=4)
    assert_golden(GOLDEN / "search_round.yaml", job)


def test_no_more_pods_of_a_round_run_at_a_time_than_it_has_trials() -> None:
    owned, image = owner("ModelTraining"), TrainerImage("trainer:1")
    job = round_job(owned, "flights-1-r3", task(), image, JobOptions(), trials=1, parallelism=4)
    assert (job["spec"]["parallelism"], job["spec"]["maxFailedIndexes"]) == (1, 0)


def test_a_users_template_changes_neither_our_labels_nor_our_environment_nor_the_token() -> None:
    options = JobOptions(
        template={
            "labels": {labels.KIND: "Other"},
            "env": [{"name": "PERENNIAL_TASK", "value": "{}"}],
        }
    )
    pod = training_job(owner("ModelTraining"), "j", task(), TrainerImage("t"), options)["spec"]["template"]
    assert pod["metadata"]["labels"][labels.KIND] == "ModelTraining"
    assert [e["name"] for e in pod["spec"]["containers"][0]["env"]].count("PERENNIAL_TASK") == 1
    assert pod["spec"]["automountServiceAccountToken"] is False


def test_a_serving_revision() -> None:
    mdp = owner("ModelDeployment")
    template = pod_template(mdp, revision(resources={"limits": {"memory": "2Gi"}}))
    assert_golden(
        GOLDEN / "serving_revision.yaml",
        serving_deployment(mdp, KEY, "flights", template, replicas=3, role="stable"),
        revision_service(mdp, KEY, "flights"),
        public_service(mdp, KEY, "flights"),
        rollout_plan(mdp, KEY, "flights", {"weight": 5}),
        disruption_budget(mdp, KEY, "flights"),
        autoscaler(mdp, "flights", {"min": 1, "max": 4}),
        autoscaler(mdp, "flights", {"min": 2, "max": 4, "targetConcurrency": 8}),
        autoscaler(mdp, "flights", {"max": 4, "targetConcurrency": 8, "targetCPUPercent": 50}),
        http_route(mdp, "flights", gateway=("infra", "public"), hostname="flights.example.com"),
    )


def test_the_pods_of_a_revision_are_named_by_nothing_that_changes_over_time() -> None:
    mdp = owner("ModelDeployment")
    template = pod_template(mdp, revision())
    stable = serving_deployment(mdp, KEY, "flights", template, replicas=1, role="stable")
    candidate = serving_deployment(mdp, KEY, "flights", template, replicas=4, role="candidate")
    assert stable["spec"]["template"] == candidate["spec"]["template"]
    assert stable["spec"]["selector"] == candidate["spec"]["selector"]
    assert labels.ROLE not in stable["spec"]["template"]["metadata"]["labels"]


def test_the_training_that_a_policy_makes_has_its_data_pinned_and_is_not_suspended() -> None:
    pinned = PinnedData(digest="sha256:" + "1" * 64, start="2013-01-01T00:00:00Z", end="2013-03-01T00:00:00Z")
    child = child_training(
        owner("RetrainPolicy"), owner("ModelTraining"), decision="d-1", trigger="Drift", reason="PSI 0.4", data=pinned
    )
    assert_golden(GOLDEN / "child_training.yaml", child)
    assert "suspend" not in child["spec"]
