"""Cluster, images and chart: everything that has to be there before the first object."""

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


def images() -> None:
    """Build what changed and give it to the cluster."""
    show("hack/images", "build", *TARGETS)
    show("hack/images", "load", *TARGETS)


def operator(target: Cluster) -> None:
    """Install or upgrade the chart, with its embedded store."""
    with step("the operator, installed by its Helm chart"):
        target.kubectl("apply", "-f", "-", given=f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {NAMESPACE}}}\n")
        values = ROOT / "hack" / "demo" / "values.yaml"
        target.helm(
            *("upgrade", "--install", RELEASE, "charts/perennial", "--namespace", SYSTEM, "--create-namespace"),
            *("--values", str(values), "--set", f"image.tag={_tag()}", "--wait", "--timeout", "5m"),
        )


def _tag() -> str:
    """The tag under which the newest images were loaded."""
    return run("hack/images", "tag").strip()


def remove() -> None:
    """End the node and remove its state; caches of binaries and images stay."""
    with step("everything that the demo made is removed"):
        run("hack/cluster", "wipe")
