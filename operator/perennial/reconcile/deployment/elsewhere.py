"""`spec.model.uri`: the run at a URI of the namespace's registry, by its address and not by a version's number.

An artifact is served only if it has the digest that the spec gives. A run that was judged here is served only if it was
approved: a URI is no way around approval.
"""

from perennial.api.deployment import ModelRef
from perennial.policy.rollout import Wanted
from perennial.reconcile.context import Context
from perennial.reconcile.registries import in_store, registry, store_of
from perennial.store.addresses import RunAddress, run_at
from perennial.store.errors import InvalidLocation
from perennial.store.objects import ObjectStore
from perennial.store.registry import Registry, models

SHOWN = 5


async def at_uri(model: ModelRef, namespace: str, ctx: Context) -> tuple[RunAddress, int | None] | Wanted:
    """The run and the number of its version, if it has one; or why it is not served.

    Raises:
        StorageError: the registry could not be read now.
    """
    try:
        address = run_at(model.uri or "", ctx.config.registry, namespace)
    except InvalidLocation as error:
        return Wanted(None, error.reason, f"spec.model.uri: {error}")
    held, store = registry(ctx, namespace, address.model), store_of(ctx)
    return await in_store(ctx, lambda: _checked(model, address, held, store))


def _checked(
    model: ModelRef, address: RunAddress, held: Registry, store: ObjectStore
) -> tuple[RunAddress, int | None] | Wanted:
    run = held.runs.read(address.run_digest)
    if run is None:
        return Wanted(
            None, "ModelNotFound", f"spec.model.uri: {model.uri} holds no finished run; {_known(held, store)}"
        )
    if address.attempt and address.attempt != run.attempt:
        told = f"spec.model.uri: attempt {address.attempt} is not the one that won; its run names {run.attempt}"
        return Wanted(None, "ModelNotFound", f"{told}: leave /attempts/… out, or give that one")
    if address.file and address.file not in run.files:
        told = f"spec.model.uri: the run has no file {address.file}; it has {', '.join(sorted(run.files))}"
        return Wanted(None, "ModelNotFound", told)
    if run.artifact.digest != model.digest:
        told = f"spec.model.digest is {model.digest}; the artifact at {model.uri} has {run.artifact.digest}"
        return Wanted(None, "ModelDigestDiffers", told)
    version = held.versions.of_run(address.run_digest)
    if version is not None and version.state != "Approved":
        told = f"{model.uri} is version {version.number} of model {address.model}, which is {version.state}"
        return Wanted(None, "VersionNotApproved", f"{told}; name an approved one, or approve it")
    return address, version.number if version else None


def _known(held: Registry, store: ObjectStore) -> str:
    """What there is instead: runs of the model, or models of the namespace."""
    runs = sorted(held.runs.digests())
    if runs:
        shown = ", ".join(digest.removeprefix("sha256:") for digest in runs[:SHOWN])
        return f"model {held.keys.model} has {len(runs)} runs: {shown}" + (", …" if len(runs) > SHOWN else "")
    names = ", ".join(list(models(store, held.keys.namespace))[:SHOWN]) or "none yet"
    return f"the registry holds no run of model {held.keys.model}; its models are {names}"
