"""Bringing the cluster to the rollout state: apply what differs, touch pods so that they see a new plan, prune."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from perennial.desired import labels
from perennial.desired.serving_revision import PLAN_FILE
from perennial.kube.errors import Conflict, NotFound
from perennial.kube.resources import Ref
from perennial.policy.rollout.shape import Running
from perennial.reconcile.context import Context
from perennial.reconcile.deployment.observed import Observed


async def bring_about(
    seen: Observed, wanted: Iterable[dict[str, Any]], running: tuple[Running, ...], ctx: Context
) -> None:
    """Make the cluster hold these children and no other ones of this object.

    Raises:
        ApiError: a write failed; the next look goes on from what is there.
    """
    kept: set[tuple[str, str]] = set()
    for manifest in wanted:
        kept.add((manifest["kind"], manifest["metadata"]["name"]))
        live = seen.children.get((manifest["kind"], manifest["metadata"]["name"]))
        if ctx.kube.apply_needed(manifest, live):
            await ctx.kube.apply(manifest, live)
        if manifest["kind"] == "ConfigMap":
            await _touch(seen, manifest, ctx)
    await _prune(seen, kept, {one.revision.key[:8] for one in running}, ctx)


async def _touch(seen: Observed, plan: Mapping[str, Any], ctx: Context) -> None:
    """Annotate the pods that mount a plan: the kubelet then refreshes the volume at once, not a minute later."""
    mark = hashlib.sha256(plan["data"][PLAN_FILE].encode()).hexdigest()[:12]
    short = plan["metadata"]["labels"][labels.REVISION]
    for pod in seen.pods:
        if pod.revision == short and pod.ip and pod.touched != mark:
            ref = Ref("Pod", seen.namespace, pod.name)
            try:
                await ctx.kube.merge_annotations(ref, pod.uid, {labels.PLAN_TOUCH: mark})
            except (NotFound, Conflict):
                continue


async def _prune(seen: Observed, kept: set[tuple[str, str]], revisions: set[str], ctx: Context) -> None:
    """Delete children that the state has no place for; those of a running revision whose run cannot be read stay."""
    for (kind, name), live in seen.children.items():
        of_running = kind != "HorizontalPodAutoscaler" and live["metadata"]["labels"].get(labels.REVISION) in revisions
        if (kind, name) in kept or (of_running and kind != "PodDisruptionBudget"):
            continue
        if "deletionTimestamp" not in live["metadata"]:
            await ctx.kube.delete(Ref(kind, seen.namespace, name), live["metadata"]["uid"])
