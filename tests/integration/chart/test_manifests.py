"""manifests/ on a real API server: what a person applies from there is accepted as it stands."""

from pathlib import Path

import pytest
import yaml

from tests.integration.chart.conftest import TENANT, Release
from tests.integration.chart.objects import SPECS

pytestmark = pytest.mark.apiserver

FOLDER = Path(__file__).parents[3] / "manifests"


@pytest.mark.parametrize("kind", sorted(SPECS))
def test_an_input_of_the_health_tests_has_a_spec_that_the_server_accepts(release: Release, kind: str) -> None:
    folder = FOLDER / "argocd" / "resource_customizations" / "perennial.dev" / kind / "testdata"
    written = [yaml.safe_load(path.read_text()) for path in sorted(folder.glob("*.yaml"))]
    for body in written:
        text = yaml.safe_dump({**body, "status": None, "metadata": {"generateName": "x-", "namespace": TENANT}})
        release.kubectl("create", "--dry-run=server", "--validate=strict", "-f", "-", input=text)


@pytest.mark.parametrize("overlay", ["cluster", "namespaced"])
def test_the_server_accepts_every_object_of_an_overlay(release: Release, overlay: str) -> None:
    made = release.kubectl("kustomize", str(FOLDER / "overlays" / overlay)).stdout
    documents = list(yaml.safe_load_all(made))
    release.kubectl("create", "namespace", "models", check=False)
    # Beside what Helm has installed: only what is asked, not whose it is.
    flags = ("--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict")
    run = release.kubectl("apply", *flags, "-f", "-", input=made, timeout=120)
    assert len(run.stdout.splitlines()) == len(documents)


def test_the_accounts_of_a_tenant_go_to_the_namespace_that_is_asked_for(release: Release) -> None:
    release.kubectl("create", "namespace", "by-kustomize")
    release.kubectl("apply", "-n", "by-kustomize", "-k", str(FOLDER / "tenant"))
    names = {a["metadata"]["name"] for a in release.get("serviceaccounts", "-n", "by-kustomize")["items"]}
    assert {"perennial-trainer", "perennial-server"} <= names
