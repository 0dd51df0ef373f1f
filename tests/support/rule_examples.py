"""One table of specs that rules accept and refuse, held to both forms of each rule: Python and the API server's CEL."""

import copy
from dataclasses import dataclass, field
from typing import Any

DROP = object()
DIGEST = "sha256:" + "a" * 64
ESTIMATOR = "sklearn.ensemble.RandomForestClassifier"

SMALLEST: dict[str, dict[str, Any]] = {
    "ModelTraining": {
        "data": {"train": {"uri": "s3://datasets/flights/"}, "target": "late"},
        "algorithm": {"estimator": ESTIMATOR},
    },
    "ModelDeployment": {"model": {"name": "flight-delays"}},
    "RetrainPolicy": {"trainingRef": {"name": "flight-delays"}, "deploymentRef": {"name": "flight-delays"}},
}


@dataclass(frozen=True)
class Example:
    """Changes (dotted path → value) to the smallest spec that pass, and changes that are refused with `message`."""

    kind: str
    message: str
    bad: dict[str, Any]
    good: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.kind}-{self.message[:60]}".replace(" ", "_")


def spec(kind: str, changes: dict[str, Any]) -> dict[str, Any]:
    """The smallest spec with changes."""
    out = copy.deepcopy(SMALLEST[kind])
    for path, value in changes.items():
        *parents, last = path.split(".")
        at = out
        for name in parents:
            at = at.setdefault(name, {})
        if value is DROP:
            at.pop(last)
        else:
            at[last] = value
    return out


def body(kind: str, changes: dict[str, Any], name: str = "example") -> dict[str, Any]:
    """A whole object."""
    return {
        "apiVersion": "perennial.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec(kind, changes),
    }


def training(message: str, bad: dict[str, Any], good: dict[str, Any] | None = None) -> Example:
    return Example("ModelTraining", message, bad, good or {})


def deployment(message: str, bad: dict[str, Any], good: dict[str, Any] | None = None) -> Example:
    return Example("ModelDeployment", message, bad, good or {})


def policy(message: str, bad: dict[str, Any], good: dict[str, Any] | None = None) -> Example:
    return Example("RetrainPolicy", message, bad, good or {})


def gate(**fields: Any) -> dict[str, Any]:
    return {"evaluation.gates": [fields]}


def env(**fields: Any) -> dict[str, Any]:
    return {"template.env": [{"name": "A", **fields}]}


def volume(**fields: Any) -> dict[str, Any]:
    return {"template.volumes": [{"name": "v", **fields}]}


def mount(path: str, name: str = "v") -> dict[str, Any]:
    return {**volume(emptyDir={}), "template.volumeMounts": [{"name": name, "mountPath": path}]}


def expectation(**fields: Any) -> dict[str, Any]:
    return {"data.expectations": [fields]}


def analysis(**fields: Any) -> dict[str, Any]:
    return {"rollout.analysis": [fields]}


def search(**fields: Any) -> dict[str, Any]:
    return {"algorithm.search": {"space": {"max_depth": fields}}}


def workload(of: str, **template: Any) -> dict[str, Any]:
    return {"algorithm": DROP, "workload": {"kind": of, "template": {"spec": {"any": 1}, **template}}}


TIME = {"data.features": {"timeColumn": "t"}}
SECRET_KEY = {"secretKeyRef": {"name": "s", "key": "k"}}

EXAMPLES: tuple[Example, ...] = (
    # data
    training(
        "give data.holdout.uri or data.holdout.fraction",
        {"data.holdout": {"uri": "s3://a/b", "fraction": 0.1}},
        {"data.holdout": {"uri": "s3://a/b"}},
    ),
    training(
        "data.holdout.strategy splits the training data",
        {"data.holdout": {"uri": "s3://a/b", "strategy": "random"}},
        {"data.holdout": {"fraction": 0.1, "strategy": "random"}},
    ),
    training(
        "strategy group and groupColumn belong together",
        {"data.holdout": {"strategy": "group"}},
        {"data.holdout": {"strategy": "group", "groupColumn": "g"}},
    ),
    training("strategy group and groupColumn belong together", {"data.holdout": {"groupColumn": "g"}}),
    training(
        "an expectation is about one column, or about minRows",
        expectation(column="a", minRows=3),
        expectation(minRows=3),
    ),
    training("say what to expect of the column", expectation(column="a"), expectation(column="a", unique=True)),
    training("say what to expect of the column", expectation(minRows=3, max=1)),
    training("min is larger than max", expectation(column="a", min=2, max=1), expectation(column="a", min=1, max=1)),
    training(
        "a temporal hold-out needs to know when a row happened",
        {"data.holdout": {"strategy": "temporal"}},
        {"data.holdout": {"strategy": "temporal"}, **TIME},
    ),
    training(
        "data.train.from and to bound a time column",
        {"data.train.to": "2013-01-01"},
        {"data.train.to": "2013-01-01", **TIME},
    ),
    training("data.train.from and to bound a time column", {"data.train.from": "2013-01-01"}),
    training(
        "the target must not be learnt from",
        {"data.features": {"include": ["a", "late"]}},
        {"data.features": {"include": ["a"]}},
    ),
    training("the target cannot be the time, id or weight column too", {"data.features": {"idColumn": "late"}}),
    training(
        "data.positiveClass is a value of the target",
        {"data.positiveClass": "yes", "data.target": DROP},
        {"data.positiveClass": "yes"},
    ),
    # algorithm
    training("say how to train: exactly one of", {"algorithm": DROP}),
    training("say how to train: exactly one of", {"workload": workload("JobSet")["workload"]}),
    training("workload.template.kind is not workload.kind", workload("JobSet", kind="RayJob"), workload("JobSet")),
    training(
        "workload.template.apiVersion is not the one",
        workload("RayJob", apiVersion="ray.io/v1alpha1"),
        workload("RayJob", apiVersion="ray.io/v1", kind="RayJob"),
    ),
    training(
        "the queue is asked for on the ModelTraining",
        workload("JobSet", metadata={"labels": {"kueue.x-k8s.io/queue-name": "a"}}),
        workload("JobSet", metadata={"labels": {"team": "a"}, "annotations": {"example.com/a": "b"}}),
    ),
    training(
        "labels of perennial.dev and app.kubernetes.io",
        workload("TrainJob", metadata={"labels": {"perennial.dev/model": "a"}}),
    ),
    training(
        "annotations of perennial.dev and app.kubernetes.io",
        workload("TrainJob", metadata={"annotations": {"app.kubernetes.io/name": "a"}}),
    ),
    training("give algorithm.estimator, or algorithm.candidates", {"algorithm": {"refit": "none"}}),
    training("give algorithm.estimator, or algorithm.candidates", {"algorithm.candidates": [{"estimator": ESTIMATOR}]}),
    training(
        "parameters belong to algorithm.estimator",
        {"algorithm": {"candidates": [{"estimator": ESTIMATOR}], "parameters": {"max_depth": 3}}},
        {"algorithm.parameters": {"max_depth": 3, "class_weight": {"a": 1.5}, "max_samples": 0.5}},
    ),
    training(
        "a decision is a threshold, maximize or cost",
        {"algorithm.decision": {"threshold": 0.5, "maximize": "f1"}},
        {"algorithm.decision": {"cost": {"falsePositive": 1, "falseNegative": 5}}},
    ),
    training("a decision is a threshold, maximize or cost", {"algorithm.decision": {}}),
    training("a parameter is searched between min and max: give both", search(min=1)),
    training("min must be smaller than max", search(min=2, max=2)),
    training("scale log needs min above 0", search(min=0, max=2, scale="log")),
    # evaluation
    training("say what the gate asks for", gate(metric="roc_auc"), gate(metric="roc_auc", champion={})),
    training("is a loss, smaller is better", gate(metric="rmse", min=1), gate(metric="rmse", max=1)),
    training("is a score, larger is better", gate(metric="roc_auc", max=0.5), gate(metric="roc_auc", min=0.5)),
    training(
        "min is larger than max",
        gate(metric="alert_rate", min=0.5, max=0.1),
        gate(metric="alert_rate", min=0.1, max=0.5),
    ),
    training(
        "confidence belongs to min or max",
        gate(metric="roc_auc", champion={}, confidence=0.9),
        gate(metric="roc_auc", min=0.5, champion={}, confidence=0.9),
    ),
    training("a gate on slices has min or max", gate(metric="roc_auc", champion={}, slice={"column": "carrier"})),
    training(
        "give champion.tolerance or champion.relativeTolerance",
        gate(metric="roc_auc", champion={"tolerance": 0.1, "relativeTolerance": 0.1}),
        gate(metric="roc_auc", champion={"relativeTolerance": 0.1}),
    ),
    # pod template
    training("give value or valueFrom, not both", env(value="a", valueFrom=SECRET_KEY), env(valueFrom=SECRET_KEY)),
    training("names that begin with PERENNIAL_", env(name="PERENNIAL_TASK", value="a"), env(value="a")),
    training("valueFrom names one source", env(valueFrom={})),
    training("valueFrom names one source", env(valueFrom={**SECRET_KEY, "fieldRef": {"fieldPath": "metadata.name"}})),
    training(
        "envFrom names one object",
        {"template.envFrom": [{"prefix": "A_"}]},
        {"template.envFrom": [{"secretRef": {"name": "a"}}, {"configMapRef": {"name": "a", "optional": True}}]},
    ),
    training("choose another prefix", {"template.envFrom": [{"prefix": "PERENNIAL_", "secretRef": {"name": "a"}}]}),
    training(
        "localhostProfile belongs to type Localhost",
        {"template.securityContext": {"seccompProfile": {"type": "Localhost"}}},
        {"template.securityContext": {"seccompProfile": {"type": "RuntimeDefault"}}},
    ),
    training(
        "labels of perennial.dev and app.kubernetes.io",
        {"template.labels": {"perennial.dev/model": "a"}},
        {"template.labels": {"team": "a", "example.com/perennial.dev": "b"}},
    ),
    training(
        "annotations of perennial.dev and app.kubernetes.io", {"template.annotations": {"app.kubernetes.io/name": "a"}}
    ),
    training("every volumeMount names a volume", mount("/data", "other"), mount("/data")),
    training("are taken: mount elsewhere", mount("/work/data"), mount("/workspace")),
    training("are taken: mount elsewhere", mount("/var/run/secrets/kubernetes.io")),
    training("are taken: mount elsewhere", mount("/data/../work")),
    training("a volume has one source", volume(), volume(persistentVolumeClaim={"claimName": "c"})),
    training("a volume has one source", volume(emptyDir={}, configMap={"name": "a"})),
    training(
        "a projected source is one of",
        volume(projected={"sources": [{}]}),
        volume(projected={"sources": [{"secret": {"name": "a"}}]}),
    ),
    training(
        "a failure rule looks at exit codes or at conditions",
        {"podFailurePolicy.rules": [{"action": "Count"}]},
        {"podFailurePolicy.rules": [{"action": "Count", "onExitCodes": {"operator": "In", "values": [3]}}]},
    ),
    # what this release cannot do
    # ModelDeployment
    deployment(
        "give model.name for a model of the registry",
        {"model": {"name": "a", "uri": "s3://a/b", "digest": DIGEST}},
        {"model": {"uri": "s3://a/b", "digest": DIGEST}},
    ),
    deployment("give model.name for a model of the registry", {"model": {}}),
    deployment(
        "model.version pins a model of the registry",
        {"model": {"uri": "s3://a/b", "digest": DIGEST, "version": 1}},
        {"model.version": 7},
    ),
    deployment("a model from elsewhere is named by model.uri and model.digest", {"model": {"uri": "s3://a/b"}}),
    deployment("autoscaling.min is larger", {"autoscaling": {"min": 3, "max": 2}}, {"autoscaling": {"max": 2}}),
    deployment(
        "weights of rollout.steps must rise",
        {"rollout.steps": [{"weight": 5}, {"weight": 5}]},
        {"rollout.steps": [{"weight": 5}, {"weight": 99}]},
    ),
    deployment("weights of rollout.steps must rise", {"rollout.steps": [{"weight": 50}, {"weight": 5}]}),
    deployment(
        "BlueGreen looks once",
        {"rollout": {"strategy": "BlueGreen", "steps": [{"weight": 5}, {"weight": 50}]}},
        {"rollout": {"strategy": "BlueGreen", "steps": [{"weight": 20}]}},
    ),
    deployment(
        "BlueGreen looks once",
        {"rollout": {"strategy": "BlueGreen", "steps": [{"weight": 5}, {"weight": 6}, {"weight": 7}]}},
        {"rollout": {"strategy": "Shadow", "steps": [{"weight": 5}, {"weight": 50}]}},
    ),
    deployment(
        "no value is both: min of this analysis",
        analysis(prometheus={"query": "up"}, min=2, max=1),
        analysis(prometheus={"query": "up", "address": "http://prometheus.monitoring:9090"}, min=1, max=2),
    ),
    deployment("an analysis is a metric or a prometheus query", analysis(max=1), analysis(metric="errorRate", max=0.1)),
    deployment("say what to ask for", analysis(metric="errorRate"), analysis(metric="errorRate", tolerance=0.01)),
    deployment(
        "maxRatio compares latencies",
        analysis(metric="errorRate", maxRatio=2),
        analysis(metric="latencyP99", maxRatio=2),
    ),
    deployment("tolerance compares error rates", analysis(metric="latencyP95", tolerance=0.1)),
    deployment("are better when smaller", analysis(metric="latencyP95", min=0.1)),
    # RetrainPolicy
    policy(
        "schedule.cron has five fields",
        {"triggers.schedule": {"cron": "0 3 * *"}},
        {"triggers.schedule": {"cron": "*/5 3-4 1,2 JAN MON#1"}},
    ),
    policy(
        "schedule.cron has five fields",
        {"triggers.schedule": {"cron": "@often"}},
        {"triggers.schedule": {"cron": "@daily"}},
    ),
    policy(
        "windows.failing is larger than windows.of",
        {"triggers.drift": {"windows": {"failing": 4}}},
        {"triggers.drift": {"windows": {"failing": 4, "of": 4}}},
    ),
    policy("give min for a score or max for a loss", {"triggers.performance": {"metric": "roc_auc"}}),
    policy("the metric of the trigger is a loss", {"triggers.performance": {"metric": "rmse", "min": 1}}),
    policy("the metric of the trigger is a score", {"triggers.performance": {"metric": "roc_auc", "max": 1}}),
    policy(
        "give newData.minRows or newData.minObjects",
        {"triggers.newData": {"minRows": 1, "minObjects": 1}},
        {"triggers.newData": {"minRows": 1}},
    ),
    policy(
        "give data.last for a window of time, or data.all",
        {"data": {"last": "60d", "all": True}},
        {"data": {"last": "60d", "timeColumn": "t"}},
    ),
    policy("give data.last for a window of time, or data.all", {"data": {}}, {"data": {"all": True}}),
    policy("data.timeColumn says what data.last is measured on", {"data": {"all": True, "timeColumn": "t"}}),
    policy(
        "drift and performance are seen where a model serves",
        {"deploymentRef": DROP, "triggers.drift": {}},
        {"deploymentRef": DROP, "triggers.newData": {}},
    ),
)
