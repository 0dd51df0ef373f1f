"""Requests with broken values, and whether the training data has them too: then alone a retraining must wait.

The block's beginning is kept in the status: windows move on, and it may last 7 days at most.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from perennial.api.fields import format_time, parse_time
from perennial.api.identities import bare, digest_of
from perennial.api.records.findings import DataCheck
from perennial.api.records.task import Task
from perennial.api.retrain_status import QualityStatus
from perennial.policy.retrain.snapshot import QualityFacts
from perennial.reconcile.context import Context
from perennial.reconcile.retrain.arrivals import NotAllowed, list_source, source_of
from perennial.reconcile.retrain.counting import time_column
from perennial.reconcile.retrain.observed import Observed
from perennial.reconcile.retrain.windows import Seen, blocked_since
from perennial.reconcile.tasks import Errand, Standing, look

NAMED = 10
SHOWN = 3


@dataclass(frozen=True)
class Soundness:
    """What blocks, since when, and what the training data looks like."""

    facts: QualityFacts
    artifact: str = ""
    standing: Standing | None = None

    @property
    def status(self) -> QualityStatus | None:
        """As the status tells it; None while nothing is broken."""
        if not self.facts.features or self.facts.since is None:
            return None
        return QualityStatus(
            features=list(self.facts.features[:NAMED]),
            since=format_time(self.facts.since),
            artifact=self.artifact or None,
            message=self.facts.told,
        )


NOTHING_BROKEN = Soundness(QualityFacts())


async def soundness(seen: Observed, windows: Seen | None, ctx: Context) -> Soundness:
    """Look at the training data while requests are broken; asked once for a listing.

    Raises:
        StorageError: storage did not answer.
    """
    features = windows.state.blocked if windows else ()
    if windows is None or not features:
        return NOTHING_BROKEN
    since = _since(seen, windows, features, ctx)
    errand = await _errand(seen, features, since, ctx)
    standing = await look(errand, ctx) if errand else None
    passes, told = _answer(standing)
    return Soundness(QualityFacts(features, since, passes, told), windows.artifact, standing)


def _since(seen: Observed, windows: Seen, features: tuple[str, ...], ctx: Context) -> datetime:
    old = seen.policy.status.quality
    if old is not None and old.artifact == windows.artifact:
        return parse_time(old.since)
    return blocked_since(windows.verdicts, features) or ctx.clock.now().replace(microsecond=0)


def _answer(standing: Standing | None) -> tuple[bool, str]:
    if standing is None:
        return False, ""
    if standing.state == "Failed":
        return False, f"the training data could not be checked: {standing.message}"
    if standing.answer is None:
        return False, "the training data is being checked"
    found = DataCheck.from_json(standing.answer)
    if found.passes:
        return True, f"the training data passes its own checks ({found.rows} rows)"
    return False, f"the training data does not pass its own checks: {'; '.join(found.faults[:SHOWN])}"


async def _errand(seen: Observed, features: tuple[str, ...], since: datetime, ctx: Context) -> Errand | None:
    body, deployment = seen.training_body, seen.deployment
    stable = deployment.status.stable if deployment else None
    if body is None or stable is None or not stable.run_digest:
        return None
    data = seen.policy.spec.data
    asked: dict[str, Any] = {
        "features": sorted(features),
        "since": format_time(since),
        "runDigest": stable.run_digest,
        **({"timeColumn": column} if (column := time_column(seen)) else {}),
        **({"last": data.last} if data and data.last else {}),
    }
    try:
        marker = (await list_source(source_of(body, None), seen.namespace, ctx)).digest()
    except NotAllowed:
        marker = ctx.clock.now().date().isoformat()
    question = digest_of({"kind": "CheckData", "asked": asked, "listing": marker, "spec": body["spec"]["data"]})
    task = Task(
        kind="CheckData",
        namespace=seen.namespace,
        model=seen.model,
        training=body["metadata"]["name"],
        uid=body["metadata"]["uid"],
        registry=ctx.config.registry,
        run_key=bare(question),
        spec=body["spec"],
        parameters=asked,
    )
    return Errand(seen.body, task)
