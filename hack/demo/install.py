"""Cluster, images and chart: everything that has to be there before the first object."""

import hashlib
import re

from hack.demo.shell import ROOT, Cluster, run, show, step

SYSTEM = "perennial-system"
NAMESPACE = "demo"
RELEASE = "perennial"
TARGETS = ("operator", "trainer", "server", "s3")


def cluster(context: str | None) -> Cluster:
    """A cluster that answers: the given context, else one of our own."""
    if context:
        show("hack/cluster", "up", "--provider", "context", "--context", context)
    else:
        show("hack/cluster", "up")
    exports = dict(re.findall(r"^export (\w+)=\"?([^\"\n]+)\"?$", run("hack/cluster", "env"), re.MULTILINE))
    path = exports.get("PATH", "").split(":")[0]
    return Cluster(exports["KUBECONFIG"], path, context)


def images() -> str:
    """Build what changed and give it to the cluster; the tag of all images."""
    tag = _tag()
    show("hack/images", "build", "--tag", tag, *TARGETS)
    show("hack/images", "load", "--tag", tag, *TARGETS)
    return tag


def operator(target: Cluster, tag: str) -> None:
    """Install or upgrade the chart, with its embedded store."""
    with step("the operator, installed by its Helm chart"):
        target.kubectl("apply", "-f", "-", given=f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {NAMESPACE}}}\n")
        values = ROOT / "hack" / "demo" / "values.yaml"
        target.helm(
            *("upgrade", "--install", RELEASE, "charts/perennial", "--namespace", SYSTEM, "--create-namespace"),
            *("--values", str(values), "--set", f"image.tag={tag}", "--wait", "--timeout", "5m"),
        )
        # Helm does not wait for a StatefulSet whose pods are replaced on deletion only.
        ready = "--for=jsonpath={.status.readyReplicas}=1"
        target.kubectl("wait", f"statefulset/{RELEASE}-s3", "-n", SYSTEM, ready, "--timeout=5m")


def _tag() -> str:
    """A tag that names the content: a change of code changes the operator's Deployment, and nothing else."""
    content = hashlib.sha256()
    sources = [ROOT / "Dockerfile", *sorted((ROOT / "requirements").glob("*.txt"))]
    for path in [*sources, *sorted((ROOT / "operator" / "perennial").rglob("*"))]:
        if path.is_file() and path.suffix != ".pyc":
            content.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return f"demo-{content.hexdigest()[:12]}"


def remove() -> None:
    """End the node and remove its state; caches of binaries and images stay."""
    with step("everything that the demo made is removed"):
        run("hack/cluster", "wipe")
