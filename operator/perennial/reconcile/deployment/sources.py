"""Which model of the registry a revision's run belongs to: the spec may have come to name another one since."""

import json

from perennial.api.records.server import SERVER_VARIABLE, ServerConfig
from perennial.reconcile.context import Context
from perennial.reconcile.deployment.manifests import kept_template
from perennial.reconcile.deployment.observed import Observed
from perennial.store.addresses import run_at
from perennial.store.errors import InvalidLocation


def kept_config(seen: Observed, key: str) -> ServerConfig | None:
    """What a revision's servers were told when it was made; None when there is no Deployment of it.

    Args:
        seen: the object and its children.
        key: revisionKey, or the short one.
    """
    template = kept_template(seen, key)
    if template is None:
        return None
    container = template["spec"]["containers"][0]
    text = next((e["value"] for e in container["env"] if e["name"] == SERVER_VARIABLE), "")
    return ServerConfig.model_validate(json.loads(text)) if text else None


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
