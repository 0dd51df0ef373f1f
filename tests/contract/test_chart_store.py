"""The chart's object storage: one source of identities and keys, and a store that keeps its data."""

import json
from pathlib import Path
from typing import Any

from perennial.store.tenancy import ADMIN, AccessKey, identity_name, seaweed_identities
from tests.contract.chart_values import VALUES, made, operator_environment
from tests.support.helm import NAMESPACE, ROOT_KEY, Manifest, named, of_kind, rendered


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


def test_an_upgrade_replaces_the_pod_only_where_its_bucket_outlives_it() -> None:
    on_claim, without = (
        named(made(case), "StatefulSet", "perennial-s3")["spec"] for case in ("embedded on a volume", "embedded")
    )
    assert without["updateStrategy"] == {"type": "OnDelete"}
    assert "updateStrategy" not in on_claim


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


def test_the_store_answers_only_the_operator_and_pods_of_perennial_in_tenants() -> None:
    (rule,) = named(made("network policies"), "NetworkPolicy", "perennial-s3")["spec"]["ingress"]
    assert rule["ports"] == [{"port": 8333}]
    operator, tenant = rule["from"]
    assert operator["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "operator"
    assert tenant["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "demo"}
    assert tenant["podSelector"]["matchLabels"] == {"app.kubernetes.io/part-of": "perennial"}
    (rule,) = named(made("cleaning"), "NetworkPolicy", "perennial-s3")["spec"]["ingress"]
    ours = [f["podSelector"]["matchLabels"].get("app.kubernetes.io/component") for f in rule["from"]]
    assert ours == ["operator", "gc", None, None]
