"""manifests/: generated from the chart, accepted by kustomize, and the same installation as Helm's."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from hack import manifests
from tests.support import helm

FOLDER = Path(__file__).parents[2] / "manifests"
KINDS = ("ModelTraining", "ModelDeployment", "RetrainPolicy")


def by_key(objects: list[dict[str, Any]]) -> dict[tuple[str, str, str], dict[str, Any]]:
    keys = [(o["kind"], o["metadata"].get("namespace", ""), o["metadata"]["name"]) for o in objects]
    assert len(set(keys)) == len(keys)
    return dict(zip(keys, objects, strict=True))


def kustomized(folder: str | Path) -> dict[tuple[str, str, str], dict[str, Any]]:
    command = [helm.program("kubectl"), "kustomize", str(FOLDER / folder)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=os.environ)
    assert run.returncode == 0, run.stderr
    assert run.stderr == "", "kustomize warns"
    return by_key(list(yaml.load_all(run.stdout, yaml.CSafeLoader)))


def without_helms_own(node: Any) -> Any:
    """A chart's object as kustomize users get it."""
    if isinstance(node, dict):
        dropped = {*manifests.HELMS_OWN, "helm.sh/resource-policy"}
        kept = {k: without_helms_own(v) for k, v in node.items() if k not in dropped}
        return {k: v for k, v in kept.items() if not (k == "annotations" and v == {})}
    return [without_helms_own(item) for item in node] if isinstance(node, list) else node


@pytest.fixture(scope="module")
def generated() -> dict[Path, str]:
    helm.program()
    return manifests.files()


def test_the_files_are_what_the_generator_makes_of_the_chart(generated: dict[Path, str]) -> None:
    stale = [str(p.relative_to(FOLDER)) for p, text in generated.items() if not p.exists() or p.read_text() != text]
    assert stale == [], "run hack/generate"


@pytest.mark.parametrize(
    ("overlay", "values"),
    [("cluster", {}), ("namespaced", {"operator": {"watchNamespaces": [manifests.WATCHED]}})],
)
def test_an_overlay_is_the_installation_that_helm_would_make_and_its_namespace(
    overlay: str, values: dict[str, Any]
) -> None:
    installed = by_key([without_helms_own(m) for m in helm.rendered(values, "--skip-tests")])
    made = kustomized(f"overlays/{overlay}")
    namespace = made.pop(("Namespace", "", helm.NAMESPACE))
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert made.keys() == installed.keys()
    for objects in (made, installed):  # a patch moves the variable that it changes to the front
        pod = objects["Deployment", helm.NAMESPACE, "perennial"]["spec"]["template"]["spec"]
        pod["containers"][0]["env"].sort(key=lambda e: e["name"])
    assert [key for key in installed if made[key] != installed[key]] == []


def test_install_yaml_is_the_cluster_overlay_in_one_file() -> None:
    one_file = by_key(list(yaml.load_all((FOLDER / "install.yaml").read_text(), yaml.CSafeLoader)))
    assert one_file == kustomized("overlays/cluster")


def test_the_tenant_is_the_accounts_that_the_chart_makes_and_no_credentials() -> None:
    accounts = kustomized("tenant")
    assert set(accounts) == {("ServiceAccount", "", "perennial-trainer"), ("ServiceAccount", "", "perennial-server")}
    assert all(a["automountServiceAccountToken"] is False for a in accounts.values())


def test_each_kind_has_a_smallest_and_a_complete_sample() -> None:
    samples = {p.stem: yaml.safe_load(p.read_text()) for p in (FOLDER / "samples").glob("*.yaml")}
    assert {name: body["kind"] for name, body in samples.items()} == {
        name: kind for kind in KINDS for name in (kind.lower(), f"{kind.lower()}-complete")
    }


def test_the_overlay_in_the_readme_does_what_it_says(tmp_path: Path) -> None:
    example = (FOLDER / "README.md").read_text().partition("```yaml\n")[2].partition("```")[0]
    overlay = os.path.relpath(FOLDER / "overlays" / "cluster", tmp_path)
    (tmp_path / "kustomization.yaml").write_text(example.replace("path/to/manifests/overlays/cluster", overlay))
    pod = kustomized(tmp_path)["Deployment", helm.NAMESPACE, "perennial"]["spec"]["template"]["spec"]
    (operator,) = pod["containers"]
    env = {e["name"]: e.get("value") for e in operator["env"]}
    assert operator["image"] == "registry.example.com/perennial-operator:0.1.0"
    assert env["PERENNIAL_REGISTRY"] == "s3://models/registry"
    assert env["PERENNIAL_SERVER_IMAGE"] == "registry.example.com/perennial-server:0.1.0"
    assert operator["envFrom"] == [{"secretRef": {"name": "perennial-operator-storage"}}]
    assert operator["securityContext"]["readOnlyRootFilesystem"] is True
