"""The chart as the real helm renders it: strict values, restricted pods, nothing stale, nothing left over."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from hack import chart_docs, chart_policies
from perennial.reconcile.config import load_config
from tests.contract.chart_values import DIGEST, SETS, VALUES, made, operator_environment, pods
from tests.support.helm import CHART, helm, named, of_kind, rendered, template


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
        ({"gc": {"enabled": True}}, "name the namespaces whose registries are cleaned"),
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
    cleaning = [what for what, spec in pods(made("cleaning")) if spec["automountServiceAccountToken"]]
    assert cleaning == ["Deployment perennial", "CronJob perennial-gc"]
    assert all(a["automountServiceAccountToken"] is False for a in of_kind(manifests, "ServiceAccount"))


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


def test_what_is_generated_in_the_chart_is_what_the_generators_make() -> None:
    expected: dict[Path, str] = {**chart_docs.files(), **chart_policies.files()}
    crds = sorted((CHART.parents[1] / "crds").glob("*.yaml"))
    expected |= {CHART / "files" / "crds" / path.name: path.read_text() for path in crds}
    stale = [str(path.relative_to(CHART)) for path, text in expected.items() if path.read_text() != text]
    assert stale == [], "run hack/generate"
    assert {p.name for p in (CHART / "files" / "crds").iterdir()} == {p.name for p in crds}


def test_every_value_is_used_by_a_template() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    templates = "\n".join(p.read_text() for p in (CHART / "templates").rglob("*") if p.is_file())
    paths = [f"{group}.{key}" for group, inner in values.items() for key in inner]
    used = [p for p in paths if f".Values.{p}" in templates or p.startswith("image.")]
    assert [p for p in paths if p not in used] == []
    assert "$values := .root.Values.image" in templates


def test_the_cleaning_job_is_the_command_of_the_how_to_as_the_operator_for_every_tenant() -> None:
    manifests = made("cleaning")
    (job,) = of_kind(manifests, "CronJob")
    assert job["spec"]["concurrencyPolicy"] == "Forbid"
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert [*container["command"], *container["args"]] == [
        "python", "-m", "perennial.cli", "gc", "--delete", "--namespace=another", "--namespace=demo"
    ]  # fmt: skip
    operator = named(manifests, "Deployment", "perennial")["spec"]["template"]["spec"]
    assert (pod["serviceAccountName"], container["envFrom"]) == (
        operator["serviceAccountName"], operator["containers"][0]["envFrom"]
    )  # fmt: skip
    known = {e["name"]: e.get("value") for e in operator["containers"][0]["env"]}
    assert all(known[e["name"]] == e["value"] for e in container["env"])
    assert not of_kind(made("default"), "CronJob")


def test_every_value_is_documented() -> None:
    paths = {path for path, _, _ in chart_docs.documented((CHART / "values.yaml").read_text())}
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    undocumented = [f"{group}.{key}" for group, inner in values.items() for key in inner]
    beside = {"operator.tolerations", "operator.affinity", "operator.podAnnotations"}  # told with the line above
    assert [p for p in undocumented if p not in paths | beside] == []
