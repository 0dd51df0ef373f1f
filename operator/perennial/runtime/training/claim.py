"""What a run reads, where several pods work at it: whichever lists the data first says so for all of them.

A pod that works alone lists what is there now; see `resolve.py`.
"""

from perennial.api.records.run import FrozenRequest
from perennial.runtime.training.context import Context
from perennial.runtime.training.failures import DataRefused
from perennial.runtime.training.resolve import Resolved, resolve

SEARCH = "search"
"""Name of the task's parameter that holds the identity of the search."""


def name_run(context: Context) -> Resolved:
    """Stage 1 for this attempt. The request of a search is frozen then.

    Raises:
        DataRefused: the objects that the search began with are gone or changed, or other libraries run here.
        StorageError: storage does not answer, or nothing matches.
    """
    search = context.task.parameters.get(SEARCH)
    if search is None:
        return resolve(context.task, context.request)
    claimed = context.trials.claimed(search)
    if claimed is None:
        found = resolve(context.task, context.request)
        context.runs.freeze_request(found.run_digest, frozen(context, found).to_json())
        claimed = context.trials.claim(search, found.run_digest)
        if claimed == found.run_digest:
            return found
    return _as_begun(context, claimed)


def frozen(context: Context, resolved: Resolved) -> FrozenRequest:
    """What request.json of the run says."""
    return FrozenRequest(
        spec=dict(context.request.normalised),
        data=resolved.data_digest,
        objects=[o.identity for o in resolved.train.objects],
        holdout=[o.identity for o in resolved.holdout.objects] if resolved.holdout else [],
    )


def _as_begun(context: Context, run_digest: str) -> Resolved:
    begun = context.runs.request(run_digest)
    if begun is None:
        raise DataRefused(
            f"the search makes the run {run_digest}, whose request.json is gone; annotate perennial.dev/retry to "
            f"search again",
            reason="RunMissing",
        )
    found = resolve(context.task, context.request, begun)
    if found.run_digest == run_digest:
        return found
    if found.data_digest != begun.data:
        raise DataRefused(
            f"the search began with data {begun.data}, of which objects under {context.request.train.uri} are gone or "
            f"changed; restore them, or annotate perennial.dev/retry to search again on what is there",
            reason="DataChanged",
        )
    raise DataRefused(
        f"the search began with other versions of libraries than {found.versions}; annotate perennial.dev/retry to "
        f"search again with these",
        reason="EnvironmentChanged",
    )
