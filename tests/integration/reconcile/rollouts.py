"""Models that may be served without having been trained, and the part of a kubelet that makes their servers ready."""

from collections.abc import Collection
from typing import Any

from perennial.desired import labels
from perennial.kube.client import Kube
from perennial.kube.resources import Ref
from tests.integration.reconcile.world import API, World
from tests.support.run_records import run_record

AT = "2026-01-01T00:00:00Z"
MERGE = "application/merge-patch+json"


def deployment(world: World, name: str = "d", **spec: Any) -> dict[str, Any]:
    """A ModelDeployment of model m with one replica."""
    metadata = {"name": name, "namespace": world.namespace}
    base = {"model": {"name": "m"}, "replicas": 1}
    return {"apiVersion": API, "kind": "ModelDeployment", "metadata": metadata, "spec": {**base, **spec}}


def approve(world: World, name: str = "one") -> int:
    """A finished run of model m becomes its approved version; the number."""
    models = world.registry()
    run = models.runs.publish(run_record(name, namespace=world.namespace, model="m"))
    version = models.versions.claim(run.run_digest, name, at=AT)
    models.versions.set_state(version.number, "Approved", reasons=["GatesPassed"], at=AT)
    models.aliases.move("approved", number=version.number, run_digest=run.run_digest, by=name, at=AT, started="")
    return version.number


async def start_servers(world: World, *, but: Collection[str] = ()) -> None:
    """Every Deployment reports all its replicas as ready, but those of some revisions none."""
    kube = Kube(world.access)
    for live in await kube.list("Deployment", world.namespace):
        size = live["spec"]["replicas"]
        ready = 0 if live["metadata"]["labels"][labels.REVISION] in but else size
        status = {"observedGeneration": live["metadata"]["generation"], "replicas": size, "readyReplicas": ready}
        path = Ref("Deployment", world.namespace, live["metadata"]["name"]).path("status")
        await kube.raw("PATCH", path, body={"status": status}, content_type=MERGE)
    await kube.close()


async def serve(world: World, body: dict[str, Any]) -> dict[str, Any]:
    """Apply a ModelDeployment and bring its wanted revision to stable; the live object."""
    await world.apply(body)
    for _ in range(4):
        await world.settle()
        await start_servers(world)
    await world.settle()
    return await world.get("ModelDeployment", body["metadata"]["name"])


def condition(live: dict[str, Any], type_: str) -> dict[str, Any]:
    """A condition, `{}` when there is none."""
    conditions = live.get("status", {}).get("conditions", ())
    return next((dict(c) for c in conditions if c["type"] == type_), {})
