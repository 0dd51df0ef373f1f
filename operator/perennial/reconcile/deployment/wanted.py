"""Which revision spec and registry ask for now. Reads object storage; remembers runs, for they are immutable."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from perennial.api import ModelDeployment
from perennial.api.deployment import ModelRef
from perennial.api.identities import revision_key
from perennial.api.records.run import RunRecord
from perennial.policy.rollout import Revision, RolloutState, Wanted
from perennial.reconcile.context import Context
from perennial.reconcile.deployment.elsewhere import at_uri
from perennial.reconcile.registries import in_store, registry
from perennial.store.errors import StorageError
from perennial.store.registry import Registry

UNAVAILABLE = "StorageUnavailable"


@lru_cache(maxsize=512)
def _remembered(models: Registry, run_digest: str) -> RunRecord | None:
    run = models.runs.read(run_digest)
    # keys in a record are relative to where it lies, which is another place for a run that was copied
    place = {"namespace": models.keys.namespace, "model": models.keys.model}
    return run.model_copy(update=place) if run else None


async def run_of(ctx: Context, namespace: str, model: str, run_digest: str) -> RunRecord | None:
    """A run's record, from memory where it was read before.

    Raises:
        StorageError: it could not be read now.
    """
    models = registry(ctx, namespace, model)
    return await in_store(ctx, lambda: _remembered(models, run_digest))


async def wanted(deployment: ModelDeployment, state: RolloutState, ctx: Context) -> Wanted:
    """The wanted revision, or why there is none. Storage that does not answer changes nothing of what serves."""
    namespace = deployment.metadata.namespace
    try:
        found = await _found(deployment.spec.model, namespace, ctx)
        if isinstance(found, Wanted):
            return found
        name, run_digest, number = found
        run = await run_of(ctx, namespace, name, run_digest)
    except StorageError as error:
        return Wanted(None, UNAVAILABLE, str(error))
    if run is None:
        told = f"version {number} names run {run_digest}, which the registry does not hold"
        return Wanted(None, "RunMissing", told)
    return Wanted(_revision(deployment, state, ctx, number, run))


async def _found(model: ModelRef, namespace: str, ctx: Context) -> tuple[str, str, int | None] | Wanted:
    """Name of the model, run digest, and number of the version, if it has one; or why nothing is wanted."""
    if model.name is None:
        elsewhere = await at_uri(model, namespace, ctx)
        if isinstance(elsewhere, Wanted):
            return elsewhere
        address, number = elsewhere
        return address.model, address.run_digest, number
    models = registry(ctx, namespace, model.name)
    number, run_digest, missing = await in_store(ctx, lambda: _version(models, model.version))
    return missing or (model.name, run_digest, number)


def _version(models: Registry, pinned: int | None) -> tuple[int, str, Wanted | None]:
    name = models.keys.model
    if pinned is None:
        alias = models.aliases.read("approved")
        if alias is None:
            told = f"no version of model {name} is approved yet; it is served as soon as one is"
            return 0, "", Wanted(None, "WaitingForFirstVersion", told)
        return alias.number, alias.run_digest, None
    version = models.versions.read(pinned)
    if version is None:
        known = ", ".join(str(n) for n in models.versions.numbers()[-10:]) or "none yet"
        return 0, "", Wanted(None, "VersionNotFound", f"model {name} has no version {pinned}; it has {known}")
    if version.state != "Approved":
        told = f"version {pinned} of model {name} is {version.state}; pin an approved one, or approve it"
        return 0, "", Wanted(None, "VersionNotApproved", told)
    return pinned, version.run_digest, None


def _revision(
    deployment: ModelDeployment, state: RolloutState, ctx: Context, number: int | None, run: RunRecord
) -> Revision:
    spec = deployment.spec
    server: Mapping[str, Any] = spec.server.to_json_dict()
    configured = spec.server.image or ctx.config.server_image
    if spec.server.runtime_update == "Rollout":
        server = {**server, "image": configured}
    template = spec.template.to_json_dict() if spec.template else None
    key = revision_key(run.artifact.digest, server, template)
    return Revision(
        key=key,
        artifact=run.artifact.digest,
        image=_image_of(state, key) or configured,
        version=number,
        run=run.run_digest,
        data=run.data.digest,
    )


def _image_of(state: RolloutState, key: str) -> str | None:
    """The server image that was resolved when the revision was first made: a new operator rolls nothing."""
    parts = (state.stable, state.candidate, state.previous)
    known = (part if isinstance(part, Revision) else part.revision for part in parts if part is not None)
    return next((r.image for r in known if r.key == key), None)
