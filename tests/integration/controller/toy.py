"""The operator's real process with a small reconciler: one ConfigMap and one status for every ModelTraining.

Run as `python -m tests.integration.controller.toy`. It is what the controller's machinery is tested and measured with.
"""

import asyncio
import logging
import os

import uvloop

from perennial.handlers.logs import log_json
from perennial.handlers.process import Operator
from perennial.kube.access import load_access
from perennial.kube.lease import LeaseTimes
from perennial.observe.cache import Cache
from perennial.reconcile.config import load_config
from perennial.reconcile.context import Context, Key
from perennial.reconcile.status import EventIntent, write_status

POISON = "poison"
"""A training of this name makes its reconciler raise."""


def child(body, namespace: str) -> dict:
    """The ConfigMap of a training."""
    meta = body["metadata"]
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": f"{meta['name']}-made",
            "namespace": namespace,
            "labels": {
                "app.kubernetes.io/managed-by": "perennial",
                "app.kubernetes.io/instance": meta["name"],
                "perennial.dev/kind": "ModelTraining",
            },
            "ownerReferences": [
                {
                    "apiVersion": body["apiVersion"],
                    "kind": "ModelTraining",
                    "name": meta["name"],
                    "uid": meta["uid"],
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "data": {"target": body["spec"]["data"]["target"]},
    }


async def reconcile(key: Key, ctx: Context) -> float | None:
    """Observe, apply what is needed, say so."""
    body = ctx.cache.get(key.kind, key.namespace, key.name)
    if body is None:
        return None
    if key.name == POISON:
        raise RuntimeError("this object is poison")
    wanted = child(body, key.namespace)
    live = ctx.cache.get("ConfigMap", key.namespace, wanted["metadata"]["name"])
    if ctx.kube.apply_needed(wanted, live):
        await ctx.kube.apply(wanted, live)
    ready = {"type": "Ready", "status": "True", "reason": "Made", "message": "the child is there"}
    was = {c["type"]: c["status"] for c in (body.get("status") or {}).get("conditions", ())}
    events = [] if was.get("Ready") == "True" else [EventIntent("Normal", "Made", "Make", "the child is there")]
    await write_status(ctx, body, {"conditions": [ready]}, events if "EVENTS" in os.environ else ())
    return None


async def _nothing(key: Key, ctx: Context) -> None:
    return None


RECONCILERS = {"ModelTraining": reconcile, "ModelDeployment": _nothing, "RetrainPolicy": _nothing}


def related(body, cache: Cache):
    """Nothing reads a training but itself."""
    return ()


def main() -> None:
    """Run the operator until a signal."""
    log_json(logging.INFO)
    scale = float(os.environ.get("LEASE_SCALE", "1"))
    times = LeaseTimes(15 * scale, 10 * scale, 2 * scale)
    operator = Operator(load_config(os.environ), load_access(), RECONCILERS, {"ModelTraining": related}, times=times)
    try:
        uvloop.run(operator.run())
    except asyncio.CancelledError:
        logging.getLogger("toy").info("stopped")


if __name__ == "__main__":
    main()
