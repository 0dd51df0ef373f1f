"""Install, upgrade, uninstall, install again: what must survive each of them."""

import json
from typing import Any

import pytest

from tests.integration.chart.conftest import TENANT, Release
from tests.integration.chart.objects import SPECS, smallest
from tests.support.helm import CHART, NAMESPACE

pytestmark = pytest.mark.apiserver

HELMS = "app.kubernetes.io/part-of=perennial,app.kubernetes.io/managed-by=Helm"


def secrets(release: Release) -> dict[str, Any]:
    """Contents of every Secret that the chart made."""
    items = release.get("secrets", "-A", "-l", HELMS)["items"]
    return {f"{s['metadata']['namespace']}/{s['metadata']['name']}": s["data"] for s in items}


def uids(release: Release) -> dict[str, str]:
    """UID by kind and name of every object of ours in the tenant's namespace."""
    items = release.get("modeltrainings,modeldeployments,retrainpolicies", "-n", TENANT)["items"]
    return {f"{i['kind']}/{i['metadata']['name']}": i["metadata"]["uid"] for i in items}


@pytest.fixture
def kept(release: Release) -> dict[str, str]:
    """One object of each kind."""
    release.apply(*(smallest(kind, "kept", TENANT) for kind in SPECS))
    return uids(release)


def test_the_notes_name_the_tenants_and_the_next_step(release: Release) -> None:
    notes = release.helm("status")
    assert f"Namespaces that may train and serve: {TENANT}" in notes
    assert "kubectl get perennial" in notes
    assert "it ends with its pod" in notes


def test_pods_of_the_chart_are_admitted_at_the_restricted_level(release: Release) -> None:
    label = "pod-security.kubernetes.io/enforce=restricted"
    release.kubectl("label", "namespace", NAMESPACE, label, "--overwrite")
    for kind, name in (("deployment", "perennial"), ("statefulset", "perennial-s3")):
        template = release.get(kind, name, "-n", NAMESPACE)["spec"]["template"]
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"like-{name}"}, "spec": template["spec"]}
        if kind == "statefulset":  # the claim, or what stands for it, is the controller's to add
            pod["spec"]["volumes"] = [v for v in pod["spec"]["volumes"] if v["name"] != "data"]
            pod["spec"]["volumes"].append({"name": "data", "emptyDir": {}})
        made = release.kubectl("create", "--dry-run=server", "-n", NAMESPACE, "-f", "-", input=json.dumps(pod))
        assert "Warning" not in made.stderr


def test_an_upgrade_keeps_objects_and_every_key_and_gives_a_new_tenant_its_own(
    release: Release, kept: dict[str, str]
) -> None:
    before = secrets(release)
    release.kubectl("create", "namespace", "second")
    values = {**release.values, "storage": {"tenants": [TENANT, "second"]}}
    release.helm("upgrade", str(CHART), values=values)
    after = secrets(release)
    assert uids(release) == kept
    same = {name for name in before if name != f"{NAMESPACE}/perennial-s3"}
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert after[f"{NAMESPACE}/perennial-s3"]["rootKey"] == before[f"{NAMESPACE}/perennial-s3"]["rootKey"]
    assert after.keys() - before.keys() == {"second/perennial-trainer-storage", "second/perennial-server-storage"}
    release.helm("upgrade", str(CHART), values=release.values)
    assert secrets(release) == before


def test_uninstalling_keeps_kinds_and_objects_and_installing_again_finds_them(
    release: Release, kept: dict[str, str]
) -> None:
    release.helm("uninstall")
    try:
        assert uids(release) == kept
        left = "deployments,statefulsets,services,secrets,serviceaccounts,clusterroles,validatingadmissionpolicies"
        items = release.get(left, "-A", "-l", HELMS)["items"]
        assert [f"{i['kind']} {i['metadata']['name']}" for i in items if "deletionTimestamp" not in i["metadata"]] == []
    finally:
        release.install()
    assert uids(release) == kept
