"""Does the candidate take what stable takes? Both signatures, read from the registry and compared."""

from dataclasses import dataclass

import pydantic

from perennial.api.records.run import RunRecord
from perennial.api.records.signature import Signature
from perennial.policy.rollout import Revision
from perennial.policy.rollout.signature import breaks
from perennial.reconcile.context import Context
from perennial.reconcile.deployment.observed import Observed
from perennial.reconcile.deployment.sources import model_of
from perennial.reconcile.deployment.wanted import run_of
from perennial.reconcile.registries import in_store, registry
from perennial.store.errors import StorageError


@dataclass(frozen=True, slots=True)
class Fit:
    """What came of the comparison; both empty: the candidate takes everything that stable takes, as far as known.

    Args:
        changed: what would break.
        unread: why it cannot be told now.
    """

    changed: str = ""
    unread: str = ""


FITS = Fit()


async def compare_signatures(seen: Observed, stable: Revision, candidate: Revision, ctx: Context) -> Fit:
    """Whether the candidate's signature fits stable's. A run without one is not held up."""
    signatures = []
    for revision in (stable, candidate):
        model = model_of(seen, revision.key, ctx)
        if model is None:
            return FITS
        try:
            run = await run_of(ctx, seen.namespace, model, revision.run)
            signatures.append(await _read(seen, model, run, ctx))
        except StorageError as error:
            return Fit(unread=str(error))
        except pydantic.ValidationError as error:
            one = error.errors(include_input=False, include_url=False)[0]
            place = ".".join(str(part) for part in one["loc"]) or "the whole"
            return Fit(
                unread=f"signature.json of run {revision.run} is not what this release reads: {place}: {one['msg']}"
            )
    before, after = signatures
    return Fit(changed=breaks(before, after)) if before and after else FITS


async def _read(seen: Observed, model: str, run: RunRecord | None, ctx: Context) -> Signature | None:
    file = run.files.get("signature.json") if run else None
    if file is None:
        return None
    models = registry(ctx, seen.namespace, model)
    return Signature.from_json(await in_store(ctx, lambda: models.runs.content(file)))
