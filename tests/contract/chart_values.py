"""The value sets that the chart is rendered with, and looks into what came out."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from tests.support.helm import ROOT_KEY, Manifest, named, of_kind, rendered

DIGEST = f"sha256:{'0' * 64}"
VALUES: dict[str, dict[str, Any]] = {
    "default": {},
    "embedded": {"s3": {"enabled": True, "rootKey": ROOT_KEY}, "storage": {"tenants": ["demo", "another"]}},
    "embedded on a volume": {"s3": {"enabled": True, "size": "10Gi", "storageClass": "fast", "rootKey": ROOT_KEY}},
    "external": {
        "storage": {
            "endpoint": "https://s3.example.com",
            "bucket": "models",
            "prefix": "teams/registry",
            "region": "eu-central-1",
            "operatorSecret": "keys",
            "tenants": ["demo"],
            "allowedDataPrefixes": ["s3://lake/{namespace}/"],
            "tenantServiceAccountAnnotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/x"},
        }
    },
    "namespaced": {
        "operator": {"watchNamespaces": ["a", "b"], "workers": 4},
        "prometheus": {"addresses": ["http://p"]},
    },
    "one replica": {"operator": {"replicas": 1}, "metrics": {"service": False}},
    "digests": {"image": {"digests": dict.fromkeys(("operator", "trainer", "server", "s3"), DIGEST)}},
    "without CRDs, policy and roles": {
        "crds": {"enabled": False},
        "approvals": {"enforce": False},
        "rbac": {"aggregate": False},
    },
    "network policies": {
        "networkPolicies": {"enabled": True},
        "s3": {"enabled": True, "rootKey": ROOT_KEY},
        "storage": {"tenants": ["demo"]},
    },
    "cleaning": {
        "gc": {"enabled": True},
        "s3": {"enabled": True, "rootKey": ROOT_KEY},
        "storage": {"tenants": ["demo", "another"]},
        "networkPolicies": {"enabled": True},
    },
    "workloads": {"rbac": {"workloads": ["JobSet", "RayJob", "TrainJob"]}},
    "every placement": {
        "operator": {
            "env": [{"name": "OTEL_SDK_DISABLED", "value": "true"}],
            "nodeSelector": {"kubernetes.io/os": "linux"},
            "tolerations": [{"operator": "Exists"}],
            "affinity": {"podAntiAffinity": {}},
            "podLabels": {"team": "ml"},
            "podAnnotations": {"note": "x"},
        },
        "image": {"pullSecrets": ["pull"]},
    },
}
SETS = sorted(VALUES)


@cache
def made(name: str) -> list[Manifest]:
    return rendered(VALUES[name])


def pods(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """Every pod specification, with what it is called."""
    for manifest in manifests:
        body = manifest["spec"]["jobTemplate"] if manifest["kind"] == "CronJob" else manifest
        spec = body if body.get("kind") == "Pod" else body.get("spec", {}).get("template") or {}
        if isinstance(spec, dict) and "containers" in spec.get("spec", {}):
            yield f"{manifest['kind']} {manifest['metadata']['name']}", spec["spec"]


def rules(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """Every rule of every role, with what the role is called."""
    for role in of_kind(manifests, "Role", "ClusterRole"):
        for rule in role["rules"]:
            yield f"{role['kind']} {role['metadata']['name']}", rule


def operator_environment(manifests: list[Manifest]) -> dict[str, str]:
    (container,) = named(manifests, "Deployment", "perennial")["spec"]["template"]["spec"]["containers"]
    return {e["name"]: e.get("value", "from-the-downward-API") for e in container["env"]}
