"""The stable revision of an object whose status was lost (restored from a backup): read off its own Service."""

from perennial.desired import labels, names
from perennial.policy.rollout import Revision
from perennial.reconcile.deployment.kept import kept_config, kept_template
from perennial.reconcile.deployment.observed import Observed


def restored_stable(seen: Observed) -> Revision | None:
    """What the public Service points at, None when there is no such Service or its revision cannot be told."""
    service = seen.children.get(("Service", names.service(seen.deployment.metadata.name)))
    short = ((service or {}).get("spec") or {}).get("selector", {}).get(labels.REVISION)
    template = kept_template(seen, short) if short else None
    if template is None:
        return None
    config = kept_config(seen, short)
    if config is None:
        return None
    return Revision(
        key=config.revision,
        artifact=config.artifact_digest,
        image=template["spec"]["containers"][0]["image"],
        version=int(config.version) if config.version.isdigit() else None,
        run=config.run_digest,
    )
