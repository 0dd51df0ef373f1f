"""The chart as the real helm renders it: strict values, restricted pods, least rights, and one source of truth."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from hack import chart_docs, chart_policies
from perennial.kube.resources import CHILDREN, OWN
from perennial.reconcile.config import load_config
from perennial.store.tenancy import ADMIN, AccessKey, identity_name, seaweed_identities
from tests.support.helm import CHART, NAMESPACE, ROOT_KEY, Manifest, helm, named, of_kind, rendered, template

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
        spec = manifest if manifest["kind"] == "Pod" else manifest.get("spec", {}).get("template") or {}
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


@pytest.mark.parametrize("name", SETS)
def test_lint_is_content(name: str) -> None:
    run = helm("lint", "--strict", str(CHART), values=VALUES[name])
    assert run.returncode == 0, run.stdout
    assert "[WARNING]" not in run.stdout


@pytest.mark.parametrize("name", SETS)
def test_every_object_says_whose_it_is_and_no_two_are_the_same(name: str) -> None:
    seen = set()
    for manifest in made(name):
        meta = manifest["metadata"]
        key = (manifest["kind"], meta.get("namespace"), meta["name"])
        assert key not in seen
        seen.add(key)
        if manifest["kind"] != "CustomResourceDefinition":
            assert meta["labels"]["app.kubernetes.io/instance"] == "perennial", key


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"operator": {"replica": 3}}, "additional properties 'replica' not allowed"),
        ({"operater": {}}, "additional properties 'operater' not allowed"),
        ({"image": {"pullPolicy": "Sometimes"}}, "'Always', 'IfNotPresent', 'Never'"),
        ({"image": {"digests": {"operator": "latest"}}}, "/image/digests/operator"),
        ({"image": {"digests": {"proxy": DIGEST}}}, "additional properties 'proxy' not allowed"),
        ({"operator": {"replicas": 0}}, "minimum: got 0, want 1"),
        ({"storage": {"tenants": ["Not A Namespace"]}}, "/storage/tenants/0"),
        ({"storage": {"tenants": ["a", "a"]}}, "/storage/tenants"),
        ({"storage": {"endpoint": "s3.example.com"}}, "/storage/endpoint"),
        ({"s3": {"rootKey": "short"}}, "/s3/rootKey"),
        ({"s3": {"size": "a lot"}}, "/s3/size"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused_and_named(values: dict[str, Any], words: str) -> None:
    run = template(values)
    assert run.returncode != 0
    assert words in run.stderr


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"s3": {"enabled": True}, "storage": {"endpoint": "http://x"}}, "use the embedded store or another one"),
        ({"s3": {"enabled": True}, "storage": {"prefix": "other"}}, "leave storage.prefix at its default"),
        ({"metrics": {"serviceMonitor": True}}, "this cluster has no ServiceMonitor CRD"),
    ],
)
def test_values_that_contradict_each_other_or_the_cluster_are_refused_in_words(
    values: dict[str, Any], words: str
) -> None:
    run = template(values)
    assert run.returncode != 0
    assert words in run.stderr


@pytest.mark.parametrize("name", SETS)
def test_every_pod_fits_the_restricted_level_with_a_read_only_root_and_a_memory_limit(name: str) -> None:
    found = dict(pods(made(name)))
    assert found
    for what, spec in found.items():
        assert spec["securityContext"]["runAsNonRoot"] is True, what
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, what
        assert not any(spec.get(k) for k in ("hostNetwork", "hostPID", "hostIPC")), what
        assert all(set(v) & {"emptyDir", "secret", "configMap"} for v in spec.get("volumes", [])), what
        for container in [*spec["containers"], *spec.get("initContainers", [])]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, f"{what}, {container['name']}"
            assert container["resources"]["limits"]["memory"], f"{what}, {container['name']}"
            assert container["resources"]["requests"]["cpu"], f"{what}, {container['name']}"


def test_the_operator_alone_gets_a_token_of_the_api_server() -> None:
    manifests = made("embedded")
    assert [what for what, spec in pods(manifests) if spec["automountServiceAccountToken"]] == ["Deployment perennial"]
    assert all(a["automountServiceAccountToken"] is False for a in of_kind(manifests, "ServiceAccount"))


@pytest.mark.parametrize("name", SETS)
def test_no_role_reaches_secrets_or_uses_a_wildcard_or_grows(name: str) -> None:
    for role, rule in rules(made(name)):
        words = {*rule["apiGroups"], *rule["resources"], *rule["verbs"]}
        assert not words & {"secrets", "*", "escalate", "bind", "impersonate", "pods/exec"}, role


def test_the_operator_may_not_write_what_users_write() -> None:
    writes = {"update", "patch"}
    own = {resource.plural for resource in OWN}
    for role, rule in rules(made("default")):
        if role in ("ClusterRole perennial", "Role perennial-leader"):
            assert not (own & set(rule["resources"]) and writes & set(rule["verbs"])), rule


@pytest.mark.parametrize("name", ["default", "namespaced"])
def test_the_operator_may_watch_every_kind_that_it_watches_where_it_watches(name: str) -> None:
    manifests = made(name)
    watched = VALUES[name].get("operator", {}).get("watchNamespaces")
    roles = (
        [named(manifests, "Role", "perennial", namespace) for namespace in watched]
        if watched
        else [named(manifests, "ClusterRole", "perennial")]
    )
    for role in roles:
        granted = {
            (group, resource)
            for rule in role["rules"]
            if {"get", "list", "watch"} <= set(rule["verbs"])
            for group in rule["apiGroups"]
            for resource in rule["resources"]
        }
        assert {(r.group, r.plural) for r in (*OWN, *CHILDREN)} <= granted


def test_a_namespaced_operator_has_no_cluster_wide_right_but_to_look_at_namespaces_and_kinds() -> None:
    role = named(made("namespaced"), "ClusterRole", "perennial")
    assert {r for rule in role["rules"] for r in rule["resources"]} == {"customresourcedefinitions", "namespaces"}
    assert {v for rule in role["rules"] for v in rule["verbs"]} == {"get", "list", "watch"}


def test_every_rule_of_every_role_is_justified_by_a_comment() -> None:
    lines = (CHART / "templates" / "rbac.yaml").read_text().splitlines()
    starts = [i for i, line in enumerate(lines) if line.lstrip().startswith("- apiGroups:")]
    assert len(starts) > 15
    assert [lines[i : i + 3] for i in starts if not lines[i - 1].lstrip().startswith("#")] == []


@pytest.mark.parametrize("name", SETS)
def test_the_operator_reads_the_environment_that_the_chart_gives_it(name: str) -> None:
    config = load_config(operator_environment(made(name)))
    values = VALUES[name]
    storage = {"bucket": "perennial", "prefix": "registry"} | values.get("storage", {})
    assert config.registry == f"s3://{storage['bucket']}/{storage['prefix']}"
    assert config.watch_namespaces == tuple(values.get("operator", {}).get("watchNamespaces", ()))
    assert config.workers == values.get("operator", {}).get("workers", 32)
    assert config.prometheus_addresses == tuple(values.get("prometheus", {}).get("addresses", ()))
    allowed = tuple(storage.get("allowedDataPrefixes", ())) or (f"s3://{storage['bucket']}/datasets/{{namespace}}/",)
    assert config.allowed_data_prefixes == allowed


def test_digests_take_the_place_of_tags_in_every_image() -> None:
    manifests = made("digests")
    images = [c["image"] for _, spec in pods(manifests) for c in spec["containers"]]
    config = load_config(operator_environment(manifests))
    assert {i.partition("@")[2] for i in (*images, config.trainer_image, config.server_image)} == {DIGEST}


def keys_of(manifests: list[Manifest], tenants: list[str]) -> dict[str, AccessKey]:
    """The keys that the rendered Secrets give to each identity."""
    secrets = {
        ADMIN: named(manifests, "Secret", "perennial-s3"),
        "operator": named(manifests, "Secret", "perennial-operator-storage"),
    }
    for tenant in tenants:
        for role in ("trainer", "server"):
            name = identity_name(role, tenant)  # type: ignore[arg-type]
            secrets[name] = named(manifests, "Secret", f"perennial-{role}-storage", tenant)
    return {
        name: AccessKey(s["stringData"]["AWS_ACCESS_KEY_ID"], s["stringData"]["AWS_SECRET_ACCESS_KEY"])
        for name, s in secrets.items()
    }


def normal(config: Manifest) -> Manifest:
    policies = {p["name"]: json.loads(p["content"]) for p in config["policies"]}
    return {"identities": config["identities"], "policies": policies}


def test_the_embedded_store_knows_exactly_the_identities_of_the_one_source_with_the_keys_of_the_secrets() -> None:
    tenants = ["demo", "another"]
    config = json.loads(named(made("embedded"), "Secret", "perennial-s3")["stringData"]["s3.json"])
    assert normal(config) == normal(seaweed_identities(tenants, keys_of(made("embedded"), tenants)))


def test_every_secret_points_to_the_embedded_store() -> None:
    service = named(made("embedded"), "Service", "perennial-s3")
    address = f"http://perennial-s3.{NAMESPACE}.svc:{service['spec']['ports'][0]['port']}"
    secrets = of_kind(made("embedded"), "Secret")
    assert {s["stringData"]["AWS_ENDPOINT_URL_S3"] for s in secrets} == {address}
    assert operator_environment(made("embedded"))["AWS_ENDPOINT_URL_S3"] == address


def test_credentials_are_the_same_at_every_rendering_with_a_root_key_and_differ_with_another() -> None:
    tenants = ["demo", "another"]
    values = VALUES["embedded"]
    assert rendered(values) == made("embedded")
    other = rendered({**values, "s3": {"enabled": True, "rootKey": ROOT_KEY[::-1]}})
    before, after = keys_of(made("embedded"), tenants), keys_of(other, tenants)
    assert not {k.secret for k in before.values()} & {k.secret for k in after.values()}
    assert len({k.secret for k in before.values()}) == len(before)


def test_without_a_root_key_one_is_made_and_used_everywhere() -> None:
    manifests = rendered({"s3": {"enabled": True}, "storage": {"tenants": ["demo"]}})
    config = json.loads(named(manifests, "Secret", "perennial-s3")["stringData"]["s3.json"])
    assert normal(config) == normal(seaweed_identities(["demo"], keys_of(manifests, ["demo"])))
    again = rendered({"s3": {"enabled": True}, "storage": {"tenants": ["demo"]}})
    assert keys_of(again, ["demo"])[ADMIN].secret != keys_of(manifests, ["demo"])[ADMIN].secret


def test_a_store_of_ones_own_gets_no_made_up_secret() -> None:
    manifests = made("external")
    assert of_kind(manifests, "Secret", "StatefulSet") == []
    (container,) = named(manifests, "Deployment", "perennial")["spec"]["template"]["spec"]["containers"]
    assert container["envFrom"] == [{"secretRef": {"name": "keys"}}]
    assert {a["metadata"]["name"] for a in of_kind(manifests, "ServiceAccount") if "annotations" in a["metadata"]} == {
        "perennial-trainer",
        "perennial-server",
    }


def test_the_volume_of_the_embedded_store_is_a_claim_only_if_a_size_is_given() -> None:
    on_claim = named(made("embedded on a volume"), "StatefulSet", "perennial-s3")["spec"]
    (claim,) = on_claim["volumeClaimTemplates"]
    assert claim["spec"]["resources"] == {"requests": {"storage": "10Gi"}}
    assert claim["spec"]["storageClassName"] == "fast"
    assert "data" not in {v["name"] for v in on_claim["template"]["spec"]["volumes"]}
    without = named(made("embedded"), "StatefulSet", "perennial-s3")["spec"]
    assert "volumeClaimTemplates" not in without
    assert {"name": "data", "emptyDir": {}} in without["template"]["spec"]["volumes"]


def test_another_tenant_makes_no_pod_anew_so_an_empty_dir_keeps_its_data() -> None:
    def workloads(*tenants: str) -> list[Any]:
        manifests = rendered({"s3": {"enabled": True, "rootKey": ROOT_KEY}, "storage": {"tenants": list(tenants)}})
        return [m["spec"] for m in of_kind(manifests, "StatefulSet", "Deployment")]

    assert len(workloads("demo")) == 2
    assert workloads("demo") == workloads("another", "demo")
    assert workloads("demo", "another") == workloads("another", "demo")


def test_the_door_reads_the_identities_where_the_server_reads_them() -> None:
    spec = named(made("embedded"), "StatefulSet", "perennial-s3")["spec"]["template"]["spec"]
    server, door = spec["containers"]
    (path,) = (a.removeprefix("-s3.config=") for a in server["args"] if a.startswith("-s3.config="))
    assert door["command"] == ["python", "-m", "perennial.store.embedded", "perennial", path]
    config = {"name": "config", "mountPath": str(Path(path).parent), "readOnly": True}
    assert config in server["volumeMounts"]
    assert config in door["volumeMounts"]
    assert spec["shareProcessNamespace"] is True
    (inner,) = (e["value"] for e in door["env"] if e["name"] == "AWS_ENDPOINT_URL_S3")
    assert f"-s3.port={inner.rpartition(':')[2]}" in server["args"]
    assert "-ip.bind=127.0.0.1" in server["args"]
    assert "-master.telemetry=false" in server["args"]


@pytest.mark.parametrize(("keep", "expected"), [(True, "keep"), (False, None)])
def test_the_crds_are_those_of_the_models_and_are_kept_if_wanted(keep: bool, expected: str | None) -> None:
    crds = {m["metadata"]["name"]: m for m in of_kind(rendered({"crds": {"keep": keep}}), "CustomResourceDefinition")}
    generated = [yaml.load(p.read_text(), yaml.CSafeLoader) for p in sorted((CHART.parents[1] / "crds").glob("*.yaml"))]
    assert len(generated) == 3
    for crd in generated:
        shown = crds[crd["metadata"]["name"]]
        assert shown["spec"] == crd["spec"]
        assert (shown["metadata"].get("annotations") or {}).get("helm.sh/resource-policy") == expected


def test_nothing_optional_is_left_when_it_is_off() -> None:
    off = {"CustomResourceDefinition", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}
    assert not off & {m["kind"] for m in made("without CRDs, policy and roles")}
    assert [m["metadata"]["name"] for m in of_kind(made("without CRDs, policy and roles"), "ClusterRole")] == [
        "perennial"
    ]
    assert not of_kind(made("one replica"), "PodDisruptionBudget", "Service", "Pod")


def test_the_store_answers_only_the_operator_and_pods_of_perennial_in_tenants() -> None:
    (rule,) = named(made("network policies"), "NetworkPolicy", "perennial-s3")["spec"]["ingress"]
    assert rule["ports"] == [{"port": 8333}]
    operator, tenant = rule["from"]
    assert operator["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "operator"
    assert tenant["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "demo"}
    assert tenant["podSelector"]["matchLabels"] == {"app.kubernetes.io/part-of": "perennial"}


def test_what_is_generated_in_the_chart_is_what_the_generators_make() -> None:
    expected: dict[Path, str] = {**chart_docs.files(), **chart_policies.files()}
    crds = sorted((CHART.parents[1] / "crds").glob("*.yaml"))
    expected |= {CHART / "files" / "crds" / path.name: path.read_text() for path in crds}
    stale = [str(path.relative_to(CHART)) for path, text in expected.items() if path.read_text() != text]
    assert stale == [], "run hack/generate"
    assert {p.name for p in (CHART / "files" / "crds").iterdir()} == {p.name for p in crds}


def test_every_value_is_documented() -> None:
    paths = {path for path, _, _ in chart_docs.documented((CHART / "values.yaml").read_text())}
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    undocumented = [f"{group}.{key}" for group, inner in values.items() for key in inner]
    beside = {"operator.tolerations", "operator.affinity", "operator.podAnnotations"}  # told with the line above
    assert [p for p in undocumented if p not in paths | beside] == []
