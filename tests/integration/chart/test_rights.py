"""What the operator's account and the aggregated roles may do on a real API server: enough, and no more."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from hack.localnode.network import free_ports
from tests.integration.chart.conftest import TENANT, Release
from tests.integration.chart.objects import SPECS, smallest
from tests.support.helm import NAMESPACE
from tests.support.s3 import S3

pytestmark = pytest.mark.apiserver

OPERATOR = f"system:serviceaccount:{NAMESPACE}:perennial"
OWN = ("modeltrainings", "modeldeployments", "retrainpolicies")
Right = tuple[str, str, str]  # verb, resource[.group][/subresource], namespace

MAY: list[Right] = [
    *((verb, f"{kind}.perennial.dev", TENANT) for kind in OWN for verb in ("get", "list", "watch")),
    *(("patch", f"{kind}.perennial.dev/status", TENANT) for kind in OWN),
    *((verb, "jobs.batch", TENANT) for verb in ("create", "watch", "delete")),
    *((verb, "deployments.apps", TENANT) for verb in ("create", "patch", "delete")),
    *((verb, kind, TENANT) for kind in ("services", "configmaps") for verb in ("create", "patch", "delete")),
    ("create", "modeltrainings.perennial.dev", TENANT),
    ("get", "pods/log", TENANT),
    ("get", "serviceaccounts", TENANT),
    ("get", "namespaces", ""),
    ("create", "events.events.k8s.io", TENANT),
    ("create", "leases.coordination.k8s.io", NAMESPACE),
]
MAY_NOT: list[Right] = [
    *((verb, "secrets", where) for verb in ("get", "list", "create") for where in (TENANT, NAMESPACE)),
    *((verb, f"{kind}.perennial.dev", TENANT) for kind in OWN for verb in ("update", "patch", "approve")),
    *((verb, "modeldeployments.perennial.dev", TENANT) for verb in ("create", "delete")),
    *((verb, "retrainpolicies.perennial.dev", TENANT) for verb in ("create", "delete")),
    ("patch", "jobs.batch", TENANT),
    ("create", "pods", TENANT),
    ("delete", "pods", TENANT),
    ("create", "pods/exec", TENANT),
    ("create", "serviceaccounts", TENANT),
    ("create", "serviceaccounts/token", TENANT),
    ("create", "roles.rbac.authorization.k8s.io", TENANT),
    ("create", "leases.coordination.k8s.io", TENANT),
    ("delete", "leases.coordination.k8s.io", NAMESPACE),
    ("update", "deployments.apps", NAMESPACE),
    ("update", "nodes", ""),
    ("delete", "namespaces", ""),
    ("patch", "customresourcedefinitions.apiextensions.k8s.io", ""),
]


def allowed(release: Release, user: str, rights: Iterable[Right]) -> dict[Right, bool]:
    """What the API server's authorizer says, in one request of kubectl."""
    asked = list(rights)
    reviews = [_review(user, right) for right in asked]
    given = json.dumps({"apiVersion": "v1", "kind": "List", "items": reviews})
    told = release.kubectl("create", "-f", "-", "-o", 'jsonpath={.status.allowed}{"\\n"}', input=given).stdout
    return {right: word == "true" for right, word in zip(asked, told.split(), strict=True)}


def _review(user: str, right: Right) -> dict[str, Any]:
    verb, what, namespace = right
    name, _, subresource = what.partition("/")
    resource, _, group = name.partition(".")
    attributes = {"verb": verb, "resource": resource, "group": group, "subresource": subresource}
    spec = {"user": user, "resourceAttributes": {**attributes, "namespace": namespace}}
    return {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}


def test_the_operator_may_do_what_its_work_needs(release: Release) -> None:
    assert [right for right, granted in allowed(release, OPERATOR, MAY).items() if not granted] == []


def test_the_operator_may_do_nothing_else(release: Release) -> None:
    assert [right for right, granted in allowed(release, OPERATOR, MAY_NOT).items() if granted] == []


def test_pods_of_tenants_may_do_nothing_at_all(release: Release) -> None:
    for role in ("trainer", "server"):
        user = f"system:serviceaccount:{TENANT}:perennial-{role}"
        rights = allowed(release, user, [r for r in (*MAY, *MAY_NOT) if r[2] == TENANT])
        assert [right for right, granted in rights.items() if granted] == []


def test_view_shows_our_kinds_edit_writes_them_and_neither_approves(release: Release) -> None:
    rbac = "rbac.authorization.k8s.io"
    for role, user in (("view", "vera"), ("edit", "erik")):
        release.apply(
            {
                "apiVersion": f"{rbac}/v1",
                "kind": "RoleBinding",
                "metadata": {"name": user, "namespace": TENANT},
                "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": role},
                "subjects": [{"apiGroup": rbac, "kind": "User", "name": user}],
            }
        )
    look = [(v, f"{k}.perennial.dev", TENANT) for k in OWN for v in ("get", "list", "watch")]
    write = [(v, f"{k}.perennial.dev", TENANT) for k in OWN for v in ("create", "update", "patch", "delete")]
    scale = [("patch", "modeldeployments.perennial.dev/scale", TENANT)]
    beyond = [("approve", f"{k}.perennial.dev", TENANT) for k in OWN]
    beyond += [("patch", f"{k}.perennial.dev/status", TENANT) for k in OWN]
    wait_for("the roles are aggregated", lambda: all(allowed(release, "erik", write).values()))
    viewer, editor = (allowed(release, user, [*look, *write, *scale, *beyond]) for user in ("vera", "erik"))
    assert {right for right, granted in viewer.items() if granted} == set(look)
    assert {right for right, granted in editor.items() if granted} == {*look, *write, *scale}


def wait_for[T](what: str, question: Callable[[], T], seconds: float = 90.0) -> T:
    end = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.3)


@pytest.mark.s3
def test_with_its_own_account_the_operator_becomes_ready_trains_and_tells_it(
    release: Release, s3: S3, tmp_path: Path
) -> None:
    bucket = s3.bucket()
    s3.client().put_object(Bucket=bucket, Key=f"datasets/{TENANT}/x/rows.csv", Body=b"a,late\n1,0\n2,1\n")
    body = smallest("ModelTraining", "rights", TENANT)
    body["spec"] = {**SPECS["ModelTraining"], "data": {**SPECS["ModelTraining"]["data"]}}
    body["spec"]["data"]["train"] = {"uri": f"s3://{bucket}/datasets/{TENANT}/x/"}
    release.apply(body, smallest("ModelDeployment", "rights", TENANT))

    log = tmp_path / "operator.log"
    port = free_ports(1)[0]
    environment = {
        **os.environ,
        **s3.env(),
        "KUBECONFIG": str(_kubeconfig(release, tmp_path)),
        "PERENNIAL_REGISTRY": f"s3://{bucket}/registry",
        "PERENNIAL_TRAINER_IMAGE": "localhost/perennial-trainer:test",
        "PERENNIAL_SERVER_IMAGE": "localhost/perennial-server:test",
        "PERENNIAL_NAMESPACE": NAMESPACE,
        "PERENNIAL_POD_NAME": "under-test",
        "PERENNIAL_PORT": str(port),
    }
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "perennial.handlers"], env=environment, stdout=sink, stderr=sink
        )
    try:
        wait_for(f"it is ready: {log}", lambda: _ready(port))
        wait_for("the Job", lambda: release.get("jobs", "-n", TENANT)["items"])
        wait_for("both statuses", lambda: all(_told(release, k) for k in ("modeltraining", "modeldeployment")))
        wait_for("an event", lambda: _events(release))
        holder = release.get("lease", "perennial-operator", "-n", NAMESPACE)["spec"]["holderIdentity"]
        assert holder == "under-test"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    told = log.read_text()
    assert "forbidden" not in told.lower(), told[-3000:]
    assert "permissions" not in told.lower(), told[-3000:]


def _kubeconfig(release: Release, folder: Path) -> Path:
    """The administrator's, with a token of the operator's account in the place of the certificate."""
    view = release.kubectl("config", "view", "--raw", "--flatten", "-o", "json").stdout
    token = release.kubectl("create", "token", "perennial", "-n", NAMESPACE).stdout.strip()
    config = json.loads(view)
    for user in config["users"]:
        user["user"] = {"token": token}
    path = folder / "kubeconfig"
    path.touch(mode=0o600)
    path.write_text(json.dumps(config))
    return path


def _ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _told(release: Release, kind: str) -> bool:
    return bool(release.get(kind, "rights", "-n", TENANT).get("status", {}).get("conditions"))


def _events(release: Release) -> list[dict[str, Any]]:
    items = release.get("events.events.k8s.io", "-n", TENANT)["items"]
    return [e for e in items if e["reportingController"] == "perennial.dev/operator"]
