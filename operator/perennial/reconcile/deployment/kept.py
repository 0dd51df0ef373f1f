"""What a revision was made with: its pod template and its servers' configuration, kept on its Deployment. Pure."""

import json
from typing import Any

from perennial.api.records.server import SERVER_VARIABLE, ServerConfig
from perennial.desired import labels
from perennial.reconcile.deployment.observed import Observed


def kept_template(seen: Observed, key: str) -> dict[str, Any] | None:
    """The pod template that a revision was made with, from its Deployment's annotation.

    Args:
        seen: the object and its children.
        key: revisionKey, or the short one.
    """
    live = seen.deployment_of(key[:8])
    text = (live or {}).get("metadata", {}).get("annotations", {}).get(labels.POD_TEMPLATE)
    if not text:
        return None
    template: dict[str, Any] = json.loads(text)
    return template


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
