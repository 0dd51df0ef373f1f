"""Roles of the chart: the least that the operator needs, each rule with its reason."""

import pytest

from perennial.kube.resources import CHILDREN, OWN
from tests.contract.chart_values import SETS, VALUES, made, rules
from tests.support.helm import CHART, named, rendered


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


@pytest.mark.parametrize("name", ["default", "namespaced"])
def test_routes_are_written_and_gateways_only_read_one_by_one(name: str) -> None:
    rights = [
        (tuple(rule["resources"]), set(rule["verbs"]))
        for role, rule in rules(made(name))
        if "gateway.networking.k8s.io" in rule["apiGroups"] and role.split()[-1] == "perennial"
    ]
    copies = 2 if name == "namespaced" else 1  # of the rules: one for each namespace
    assert rights == [(("httproutes",), {"get", "create", "patch", "delete"}), (("gateways",), {"get"})] * copies


def test_other_controllers_kinds_are_made_only_where_the_values_name_them_and_never_patched() -> None:
    groups = {"JobSet": "jobset.x-k8s.io", "RayJob": "ray.io", "TrainJob": "trainer.kubeflow.org"}
    wanted = {"get", "list", "create", "delete"}
    for kind, group in groups.items():
        made_so = rules(rendered({"rbac": {"workloads": [kind]}}))
        found = [r for _, r in made_so if set(r["apiGroups"]) & set(groups.values())]
        assert [(r["apiGroups"], set(r["verbs"])) for r in found] == [([group], wanted)]
    assert not [r for _, r in rules(made("default")) if set(r["apiGroups"]) & set(groups.values())]


def test_a_namespaced_operator_has_no_cluster_wide_right_but_to_look_at_namespaces_and_kinds() -> None:
    role = named(made("namespaced"), "ClusterRole", "perennial")
    assert {r for rule in role["rules"] for r in rule["resources"]} == {"customresourcedefinitions", "namespaces"}
    assert {v for rule in role["rules"] for v in rule["verbs"]} == {"get", "list", "watch"}


def test_every_rule_of_every_role_is_justified_by_a_comment() -> None:
    lines = (CHART / "templates" / "rbac.yaml").read_text().splitlines()
    starts = [i for i, line in enumerate(lines) if line.lstrip().startswith("- apiGroups:")]
    assert len(starts) > 15
    assert [lines[i : i + 3] for i in starts if not lines[i - 1].lstrip().startswith("#")] == []
