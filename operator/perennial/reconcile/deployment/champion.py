"""The champion alias follows the version whose promotion is finished: what serves is what challengers must beat."""

from perennial.api.fields import format_time
from perennial.policy.rollout import RolloutState
from perennial.reconcile.context import Context
from perennial.reconcile.deployment.observed import Observed
from perennial.reconcile.registries import in_store, registry
from perennial.store.registry import Registry

_settled: dict[str, str] = {}
"""By object UID: the promotion that this process has written already. Losing it costs one read."""


async def settle_champion(seen: Observed, state: RolloutState, ctx: Context) -> None:
    """Move the alias once for each finished promotion. A pinned deployment judges nothing and moves nothing.

    Raises:
        StorageError: it could not be written; the next look tries again.
    """
    stable, model = state.stable, seen.deployment.spec.model
    baking = state.previous is not None and state.previous.baking
    if stable is None or stable.version is None or model.name is None or model.version is not None or baking:
        return
    uid = seen.deployment.metadata.uid
    since = format_time(stable.since) if stable.since else ""
    promotion = f"{uid}/{stable.key[:16]}/{since}"
    if _settled.get(uid) == promotion:
        return
    models, number, run = registry(ctx, seen.namespace, model.name), stable.version, stable.run
    at = format_time(ctx.clock.now().replace(microsecond=0))
    await in_store(ctx, lambda: _move(models, number, run, promotion, at))
    _settled[uid] = promotion


def _move(models: Registry, number: int, run_digest: str, promotion: str, at: str) -> None:
    current = models.aliases.read("champion")
    if current is None or current.run_digest != run_digest:
        models.aliases.move("champion", number=number, run_digest=run_digest, by=promotion, at=at)
