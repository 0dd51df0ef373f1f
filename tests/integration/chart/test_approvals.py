"""Who may say `approve`, `promote` and the like: the admission policy, asked by users of a real API server."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from perennial.api.group import PLURALS
from tests.integration.chart.conftest import TENANT, Release
from tests.integration.chart.objects import SPECS, smallest
from tests.support.helm import NAMESPACE

pytestmark = pytest.mark.apiserver

EDITOR, APPROVER = "alice", "bob"
ROBOT = f"system:serviceaccount:{TENANT}:ci"
ANNOTATIONS = ("approve", "refuse", "promote", "rollback", "accept-signature")


def binding(role: str, user: str) -> dict[str, Any]:
    """The user has the ClusterRole in the tenant's namespace."""
    rbac = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{rbac}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": f"{role}-{user.rpartition(':')[2]}", "namespace": TENANT},
        "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": rbac, "kind": "User", "name": user}],
    }


@pytest.fixture(scope="module")
def people(release: Release) -> Iterator[Release]:
    """An editor, an approver and a service account that may approve; one object of each kind."""
    release.apply(*(smallest(kind, "m", TENANT) for kind in SPECS))
    release.apply(binding("edit", EDITOR), *(binding("perennial-approve", user) for user in (APPROVER, ROBOT)))
    _until_decided(release)
    yield release
    release.kubectl("delete", "rolebindings", "--all", "-n", TENANT)


def _until_decided(release: Release) -> None:
    """Roles aggregate and policies compile a moment after they were made."""
    for _ in range(60):
        editor = annotate(release, EDITOR, "perennial.dev/note", "x")
        denied = annotate(release, APPROVER, "perennial.dev/approve", "probe")
        if editor.returncode == 0 and denied.returncode != 0:
            return
    raise AssertionError(f"the policy is not in force: {editor.stderr} {denied.stderr}")


def annotate(
    release: Release, user: str, key: str, value: str | None, kind: str = "ModelTraining"
) -> subprocess.CompletedProcess[str]:
    """Patch one annotation as that user."""
    patch = json.dumps({"metadata": {"annotations": {key: value}}})
    what = ("patch", PLURALS[kind], "m", "-n", TENANT, "--type=merge", "-p", patch)
    return release.kubectl(*what, "--as", user, check=False)


def annotation(release: Release, key: str, kind: str = "ModelTraining") -> str | None:
    found: str | None = release.get(PLURALS[kind], "m", "-n", TENANT)["metadata"].get("annotations", {}).get(key)
    return found


@pytest.mark.parametrize("word", ANNOTATIONS)
def test_who_may_edit_but_not_approve_is_denied_and_told_which_role_to_ask_for(people: Release, word: str) -> None:
    run = annotate(people, EDITOR, f"perennial.dev/{word}", f"7 {EDITOR} because")
    assert run.returncode != 0
    assert f"you may not approve m: ask for the role perennial-approve in namespace {TENANT}" in run.stderr
    assert annotation(people, f"perennial.dev/{word}") is None


@pytest.mark.parametrize("word", ANNOTATIONS)
def test_who_may_approve_is_denied_in_the_name_of_another(people: Release, word: str) -> None:
    run = annotate(people, APPROVER, f"perennial.dev/{word}", f"7 {EDITOR} because")
    assert run.returncode != 0
    assert f"perennial.dev/{word} must name you, {APPROVER}, as the user" in run.stderr


@pytest.mark.parametrize("value", ["yes", "7", "7 ", " 7 bob", "v7 bob x", "7  bob x", "7 bob x\ny", ""])
def test_a_malformed_word_is_denied_with_an_example(people: Release, value: str) -> None:
    run = annotate(people, APPROVER, "perennial.dev/approve", value)
    assert run.returncode != 0
    assert 'write perennial.dev/approve as "<version> <user> <reason>", for example "7 bob' in run.stderr


@pytest.mark.parametrize("kind", sorted(SPECS))
def test_who_may_approve_does_so_in_the_own_name_and_takes_it_back(people: Release, kind: str) -> None:
    for value in ("7 bob the slices look right", "8 bob"):
        run = annotate(people, APPROVER, "perennial.dev/approve", value, kind)
        assert run.returncode == 0, run.stderr
        assert annotation(people, "perennial.dev/approve", kind) == value
    assert annotate(people, APPROVER, "perennial.dev/approve", None, kind).returncode == 0


def test_a_service_account_with_colons_in_its_name_may_approve_too(people: Release) -> None:
    run = annotate(people, ROBOT, "perennial.dev/promote", f"7 {ROBOT} pipeline 12", "ModelDeployment")
    assert run.returncode == 0, run.stderr
    assert annotate(people, ROBOT, "perennial.dev/promote", None, "ModelDeployment").returncode == 0


def test_other_annotations_and_the_spec_stay_free_also_while_an_approval_stands(people: Release) -> None:
    assert annotate(people, APPROVER, "perennial.dev/approve", "9 bob").returncode == 0
    free = annotate(people, EDITOR, "perennial.dev/retrain", "1")
    assert free.returncode == 0, free.stderr
    for seed in ("7", "null"):
        patch = f'{{"spec":{{"seed":{seed}}}}}'
        people.kubectl("patch", "modeltrainings", "m", "-n", TENANT, "--type=merge", "-p", patch, "--as", EDITOR)
    assert annotation(people, "perennial.dev/approve") == "9 bob"
    assert annotate(people, APPROVER, "perennial.dev/approve", None).returncode == 0


def test_a_new_object_cannot_bring_its_approval_along(people: Release) -> None:
    body = smallest("ModelTraining", "brought", TENANT)
    body["metadata"]["annotations"] = {"perennial.dev/approve": f"1 {EDITOR} mine"}
    run = people.kubectl("create", "-f", "-", "--as", EDITOR, input=json.dumps(body), check=False)
    assert run.returncode != 0
    assert "you may not approve brought" in run.stderr


def test_the_status_is_no_way_around_the_policy(people: Release) -> None:
    patch = json.dumps({"metadata": {"annotations": {"perennial.dev/approve": "7 bob"}}, "status": {"failure": None}})
    operator = f"system:serviceaccount:{NAMESPACE}:perennial"
    what = ("patch", "modeltrainings", "m", "-n", TENANT, "--subresource=status", "--type=merge", "-p", patch)
    people.kubectl(*what, "--as", operator)
    assert annotation(people, "perennial.dev/approve") is None


def test_a_right_for_one_object_does_not_hold_for_another(people: Release) -> None:
    rbac = "rbac.authorization.k8s.io"
    own = {"apiGroups": ["perennial.dev"], "resources": ["modeltrainings"]}
    rules = [{**own, "verbs": ["get", "patch"]}, {**own, "verbs": ["approve"], "resourceNames": ["other"]}]
    meta = {"name": "one-object", "namespace": TENANT}
    bound = binding("x", "carol")
    bound["roleRef"] = {"apiGroup": rbac, "kind": "Role", "name": "one-object"}
    people.apply({"apiVersion": f"{rbac}/v1", "kind": "Role", "metadata": meta, "rules": rules}, bound)
    people.apply(smallest("ModelTraining", "other", TENANT))
    patch = '{"metadata":{"annotations":{"perennial.dev/refuse":"7 carol no"}}}'
    told = {}
    for name in ("other", "m"):
        what = ("patch", "modeltrainings", name, "-n", TENANT, "--type=merge", "-p", patch, "--as", "carol")
        told[name] = people.kubectl(*what, check=False)
    assert told["other"].returncode == 0, told["other"].stderr
    assert "you may not approve m" in told["m"].stderr
