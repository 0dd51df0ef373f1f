"""Generates manifests/ (kustomize base, overlays, tenant, install.yaml) from the chart, so that both say the same.

Run as `python -m hack.manifests`. Not for samples, which are written by hand.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import yaml

from hack.localnode import foreign
from hack.localnode.failure import Failure

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "manifests"
NAMESPACE = "perennial-system"
WATCHED = "models"  # what the namespaced overlay watches, as an example
HELMS_OWN = frozenset({"helm.sh/chart", "app.kubernetes.io/managed-by"})
HEAD = "# Generated from charts/perennial by `python -m hack.manifests`; edits are lost.\n"
BASE = "# What both overlays share: apply one of them, not this.\n"
CLUSTER = "# An operator that watches the whole cluster. Storage: see ../../README.md.\n"
NAMESPACED = (
    f"# An operator that watches namespace `{WATCHED}` and has no rights in others. Another name, or more of them:\n"
)
NAMESPACED += "# change it in rbac.yaml and in the patch below, in an overlay of your own.\n"
TENANT = "# The accounts of one namespace that may train and serve: `kubectl apply -n NAMESPACE -k manifests/tenant`.\n"

Manifest = dict[str, Any]


def files() -> dict[Path, str]:
    """What is generated, by path.

    Raises:
        Failure: helm cannot be had, or refuses the chart.
    """
    everywhere = _rendered("")
    somewhere = _rendered(WATCHED)
    base = [_namespace(), *(m for m in everywhere if m in somewhere or m["kind"] == "Deployment")]
    cluster = [m for m in everywhere if m not in base]
    namespaced = [m for m in somewhere if m not in base and m["kind"] != "Deployment"]
    watched = next(m for m in somewhere if m["kind"] == "Deployment")
    crds = _crds()
    parts = {
        "base/crds.yaml": crds,
        "base/operator.yaml": _documents(base),
        "base/kustomization.yaml": _kustomization(BASE, ["crds.yaml", "operator.yaml"]),
        "overlays/cluster/rbac.yaml": _documents(cluster),
        "overlays/cluster/kustomization.yaml": _kustomization(CLUSTER, ["../../base", "rbac.yaml"]),
        "overlays/namespaced/rbac.yaml": _documents(namespaced),
        "overlays/namespaced/kustomization.yaml": _kustomization(
            NAMESPACED, ["../../base", "rbac.yaml"], patches=[{"path": "watch.yaml"}]
        ),
        "overlays/namespaced/watch.yaml": _documents([_watch_patch(watched)]),
        "tenant/accounts.yaml": _documents(_tenant()),
        "tenant/kustomization.yaml": _kustomization(TENANT, ["accounts.yaml"]),
        "install.yaml": f"{HEAD}---\n{crds}---\n{_documents([*base, *cluster])}",
    }
    return {FOLDER / path: text if text.startswith(HEAD) else HEAD + text for path, text in parts.items()}


def _rendered(watched: str, *settings: str) -> list[Manifest]:
    """The chart's objects without its CRDs and without what only Helm itself reads."""
    command = [foreign.tool("helm"), "template", "perennial", str(ROOT / "charts" / "perennial"), "--skip-tests"]
    command += ["--namespace", NAMESPACE, "--set", "crds.enabled=false", *settings]
    command += ["--set", f"operator.watchNamespaces={{{watched}}}"] if watched else []
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise Failure(f"{' '.join(command)}: {run.stderr.strip()}")
    return [_plain(m) for m in yaml.safe_load_all(run.stdout) if m]


def _plain(node: Any) -> Any:
    """Without Helm's labels, at any depth."""
    if isinstance(node, dict):
        return {key: _plain(value) for key, value in node.items() if key not in HELMS_OWN}
    return [_plain(item) for item in node] if isinstance(node, list) else node


def _namespace() -> Manifest:
    labels = {"app.kubernetes.io/part-of": "perennial", "pod-security.kubernetes.io/enforce": "restricted"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}


def _tenant() -> list[Manifest]:
    """ServiceAccounts of a tenant, for whichever namespace they are applied to."""
    made = [m for m in _rendered("", "--set", "storage.tenants={tenant}") if m["metadata"].get("namespace") == "tenant"]
    return [{**m, "metadata": {k: v for k, v in m["metadata"].items() if k != "namespace"}} for m in made]


def _watch_patch(deployment: Manifest) -> Manifest:
    """The environment variable in which a namespaced operator's Deployment differs."""
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    env = [e for e in container["env"] if e["name"] == "PERENNIAL_WATCH_NAMESPACES"]
    name, namespace = deployment["metadata"]["name"], deployment["metadata"]["namespace"]
    pod = {"containers": [{"name": container["name"], "env": env}]}
    return {
        "apiVersion": deployment["apiVersion"],
        "kind": deployment["kind"],
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"template": {"spec": pod}},
    }


def _crds() -> str:
    return "---\n".join(path.read_text() for path in sorted((ROOT / "crds").glob("*.yaml")))


def _documents(manifests: list[Manifest]) -> str:
    return yaml.safe_dump_all(manifests, sort_keys=False, width=1000)


def _kustomization(comment: str, resources: list[str], **more: Any) -> str:
    body = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": resources, **more}
    return comment + yaml.safe_dump(body, sort_keys=False)


def main() -> None:
    """Write them."""
    for path, text in files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    main()
