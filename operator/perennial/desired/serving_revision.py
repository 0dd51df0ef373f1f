"""Deployment, Service and plan ConfigMap of one serving revision."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from perennial.api.records.server import PRE_STOP_SECONDS, ServerSettings
from perennial.desired import labels, names, pods

HTTP_PORT = 8080
GRPC_PORT = 8081
CONTAINER = "server"
STORAGE_SECRET = "perennial-server-storage"
SERVICE_ACCOUNT = "perennial-server"
PLAN_FOLDER = "/etc/perennial/plan"
PLAN_FILE = "plan.json"
DEFAULT_RESOURCES = {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}}


@dataclass(frozen=True, slots=True)
class Revision:
    """What makes a serving revision: its key and everything its pods are made from."""

    key: str  # revisionKey, 64 hex
    model: str
    version: int | None
    image: str
    pull_policy: str
    server_config: Mapping[str, Any]  # JSON of records.server.ServerConfig
    resources: Mapping[str, Any] = field(default_factory=dict)
    env: tuple[Mapping[str, Any], ...] = ()
    template: Mapping[str, Any] = field(default_factory=dict)

    @property
    def settings(self) -> ServerSettings:
        """The server's limits."""
        return ServerSettings.model_validate(self.server_config.get("settings", {}))

    @property
    def short(self) -> str:
        """The value of the revision label."""
        return self.key[:8]


def revision_labels(owner: Mapping[str, Any], revision: str, model: str) -> dict[str, str]:
    """Labels of the pods of a revision (`revision`: the short key). Nothing in them ever changes."""
    return labels.child_labels(
        "ModelDeployment",
        owner["metadata"]["name"],
        component="serving",
        model=model,
        **{labels.REVISION: revision},
    )


def revision_selector(owner: Mapping[str, Any], revision: str) -> dict[str, str]:
    """The pod selector of a revision."""
    return {
        "app.kubernetes.io/instance": owner["metadata"]["name"],
        labels.KIND: "ModelDeployment",
        labels.REVISION: revision,
    }


def pod_template(owner: Mapping[str, Any], revision: Revision) -> dict[str, Any]:
    """The pod template of a revision, made once and then kept (see `serving_deployment`)."""
    child = revision_labels(owner, revision.short, revision.model)
    if revision.version is not None:
        child = {**child, labels.VERSION: str(revision.version)}
    plan = names.rollout_plan(owner["metadata"]["name"], revision.key)
    spec: dict[str, Any] = {
        "serviceAccountName": SERVICE_ACCOUNT,
        "securityContext": pods.restricted_pod(),
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": revision.settings.grace_seconds,
        "containers": [_container(revision)],
        "volumes": [pods.scratch_volume(), {"name": "plan", "configMap": {"name": plan, "optional": True}}],
        "topologySpreadConstraints": _spread(revision_selector(owner, revision.short)),
    }
    template = {"resources": revision.resources, **revision.template} if revision.resources else revision.template
    return pods.merge_template({"metadata": {"labels": child}, "spec": spec}, template)


def serving_deployment(
    owner: Mapping[str, Any], revision_key: str, model: str, template: Mapping[str, Any], *, replicas: int, role: str
) -> dict[str, Any]:
    """The Deployment of a revision at `replicas`.

    The pod template is stored in an annotation when the revision is first made and taken from there ever
    after: a hand edit is mended, and a new release of the operator, which might build it differently, rolls
    no serving pod.
    """
    short = revision_key[:8]
    child = revision_labels(owner, short, model)
    kept = {labels.POD_TEMPLATE: json.dumps(template, sort_keys=True, separators=(",", ":"), ensure_ascii=False)}
    name = names.serving_revision(owner["metadata"]["name"], revision_key)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": labels.child_metadata(owner, name, {**child, labels.ROLE: role}, kept),
        "spec": {
            "replicas": replicas,
            "revisionHistoryLimit": 2,
            "progressDeadlineSeconds": 600,
            "selector": {"matchLabels": revision_selector(owner, short)},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": dict(template),
        },
    }


def revision_service(owner: Mapping[str, Any], revision_key: str, model: str) -> dict[str, Any]:
    """The Service that reaches one revision only: where the splitter sends, and the versioned URL."""
    name = names.serving_revision(owner["metadata"]["name"], revision_key)
    return _service(owner, name, revision_key[:8], model)


def public_service(owner: Mapping[str, Any], revision_key: str, model: str) -> dict[str, Any]:
    """The Service that users call. Its selector names the stable revision."""
    return _service(owner, names.service(owner["metadata"]["name"]), revision_key[:8], model)


def rollout_plan(owner: Mapping[str, Any], revision_key: str, model: str, plan: Mapping[str, Any]) -> dict[str, Any]:
    """The ConfigMap with the plan that the pods of a revision follow."""
    name = names.rollout_plan(owner["metadata"]["name"], revision_key)
    child = revision_labels(owner, revision_key[:8], model)
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": labels.child_metadata(owner, name, child),
        "data": {PLAN_FILE: json.dumps(plan, sort_keys=True, indent=1)},
    }


def _service(owner: Mapping[str, Any], name: str, short: str, model: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": labels.child_metadata(owner, name, revision_labels(owner, short, model)),
        "spec": {
            "type": "ClusterIP",
            "selector": revision_selector(owner, short),
            "ports": [
                {"name": "http", "port": 80, "targetPort": HTTP_PORT, "protocol": "TCP", "appProtocol": "http"},
                {"name": "grpc", "port": GRPC_PORT, "targetPort": GRPC_PORT, "protocol": "TCP"},
            ],
        },
    }


def _spread(selector: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": dict(selector)},
        }
        for key in ("kubernetes.io/hostname", "topology.kubernetes.io/zone")
    ]


def _container(revision: Revision) -> dict[str, Any]:
    probe = {"periodSeconds": 5, "timeoutSeconds": 3}
    return {
        "name": CONTAINER,
        "image": revision.image,
        "imagePullPolicy": revision.pull_policy,
        "env": [
            pods.env("PERENNIAL_SERVER", json.dumps(revision.server_config, sort_keys=True, ensure_ascii=False)),
            pods.env_field("POD_NAME", "metadata.name"),
            pods.env_field("POD_UID", "metadata.uid"),
            pods.env("HOME", pods.SCRATCH),
            pods.env("TMPDIR", pods.SCRATCH),
            *revision.env,
        ],
        "envFrom": [{"secretRef": {"name": STORAGE_SECRET}}],
        "ports": [
            {"name": "http", "containerPort": HTTP_PORT, "protocol": "TCP"},
            {"name": "grpc", "containerPort": GRPC_PORT, "protocol": "TCP"},
        ],
        "resources": DEFAULT_RESOURCES,
        "securityContext": pods.restricted_container(),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            {"name": "work", "mountPath": pods.SCRATCH},
            {"name": "plan", "mountPath": PLAN_FOLDER, "readOnly": True},
        ],
        # 1 s steps while loading, so that a small model is in service two seconds after its image is there
        "startupProbe": {"httpGet": _get("/v2/health/live"), "periodSeconds": 1, "failureThreshold": 300},
        "readinessProbe": {"httpGet": _get("/v2/health/ready"), "periodSeconds": 1, "timeoutSeconds": 3},
        "livenessProbe": {"httpGet": _get("/v2/health/live"), "failureThreshold": 6, **probe},
        # without this a rolling update loses requests that kube-proxy still sends to a pod already gone
        "lifecycle": {"preStop": {"sleep": {"seconds": PRE_STOP_SECONDS}}},
    }


def _get(path: str) -> dict[str, Any]:
    return {"path": path, "port": "http"}
