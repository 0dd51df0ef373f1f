"""Which model of the registry a revision's run belongs to: the spec may have come to name another one since."""

from perennial.reconcile.context import Context
from perennial.reconcile.deployment.kept import kept_config
from perennial.reconcile.deployment.observed import Observed
from perennial.store.addresses import run_at
from perennial.store.errors import InvalidLocation


def model_of(seen: Observed, key: str, ctx: Context) -> str | None:
    """Name of the model whose run a revision serves; None when it cannot be told."""
    config = kept_config(seen, key)
    if config is not None and config.model_prefix:
        return config.model_prefix.rpartition("/")[2]
    model = seen.deployment.spec.model
    if model.name is not None:
        return model.name
    try:
        return run_at(model.uri or "", ctx.config.registry, seen.namespace).model
    except InvalidLocation:
        return None
