"""Keeping the log of a failed pod before the pod can vanish."""

from perennial.api.records.contract import USER
from perennial.desired.training_job import CONTAINER
from perennial.kube.errors import ApiError
from perennial.policy.training.failure import Failure
from perennial.reconcile.context import Context
from perennial.reconcile.registries import in_store, registry, store_of
from perennial.reconcile.training.observed import Observed
from perennial.store.errors import StorageError

MOST_BYTES = 10 * 1024 * 1024
TAILS = (100_000, 5_000, 200)
"""Lines from the end that are asked for. Kubernetes cuts at a size from behind, where the failure is told, so an answer
of the full size is asked for again with fewer lines."""


async def save_logs(seen: Observed, failure: Failure, ctx: Context) -> str | None:
    """Store the log of a failed pod; where it lies, None if it could not be had or kept."""
    pod = failure.pod or next((p.name for p in reversed(seen.job.pods)), "") if seen.job else failure.pod
    if not pod:
        return None
    told = [await _end_of(seen.namespace, pod, name, ctx) for name in _containers(seen, failure)]
    log = b"".join(part for part in told if part)
    if not log:
        return None
    key = registry(ctx, seen.namespace, seen.training.model).keys.log(seen.job_name, pod)
    store = store_of(ctx)
    try:
        await in_store(ctx, lambda: store.put(key, log, content_type="text/plain; charset=utf-8"))
    except StorageError:
        return None
    return f"{store.uri}/{key}"


def _containers(seen: Observed, failure: Failure) -> list[str]:
    """The one that failed; of own code always that code as well, for it says what it left."""
    failed = failure.container or CONTAINER
    own = seen.training.spec.container is not None
    return list(dict.fromkeys([USER, failed] if own else [failed]))


async def _end_of(namespace: str, pod: str, container: str, ctx: Context) -> bytes:
    """The end of one container's log under its name; empty if there is none."""
    log = ""
    for lines in TAILS:
        try:
            log = await ctx.kube.pod_log(namespace, pod, container, limit_bytes=MOST_BYTES, lines=lines)
        except ApiError:
            return b""
        if len(log.encode()) < MOST_BYTES:
            break
    return f"==> {pod} {container} <==\n{log}\n".encode() if log else b""
