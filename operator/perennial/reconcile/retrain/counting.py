"""Row counts that a decision needs, each asked once for a listing: new rows, and labelled rows after an onset."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from perennial.api.data import TrainSource
from perennial.api.fields import format_time, parse_time
from perennial.api.identities import bare, digest_of
from perennial.api.records.findings import RowCount
from perennial.api.records.task import Task
from perennial.policy.retrain.snapshot import LabelFacts
from perennial.reconcile.context import Context
from perennial.reconcile.retrain.arrivals import Listing
from perennial.reconcile.retrain.observed import Observed
from perennial.reconcile.tasks import Errand, Standing, look


@dataclass(frozen=True)
class Counted:
    """A count, or where it stands."""

    standing: Standing

    @property
    def found(self) -> RowCount | None:
        """What was counted; None as long as it is not known."""
        answer = self.standing.answer
        return RowCount.from_json(answer) if answer is not None else None


async def new_rows(
    seen: Observed, source: TrainSource, listing: Listing, run_digest: str | None, ctx: Context
) -> Counted:
    """Rows of the objects that the newest run has not read.

    Raises:
        StorageError: storage did not answer.
    """
    asked = {**_source(source), "timeColumn": "", "target": ""}
    if run_digest is not None:
        asked["unreadBy"] = run_digest
    return Counted(await look(_errand(seen, asked, listing.digest(), ctx), ctx))


async def rows_after(
    seen: Observed, source: TrainSource, listing: Listing | None, onset: datetime, ctx: Context
) -> Counted:
    """Rows with a target after the onset of what was seen.

    Args:
        listing: None where the operator may not list the data; then it is counted once a day.

    Raises:
        StorageError: storage did not answer.
    """
    asked = {**_source(source), "after": format_time(onset)}
    column = time_column(seen)
    if column is not None:
        asked["timeColumn"] = column
    marker = listing.digest() if listing else ctx.clock.now().date().isoformat()
    return Counted(await look(_errand(seen, asked, marker, ctx), ctx))


def label_facts(seen: Observed, counted: Counted | None) -> LabelFacts:
    """What the policy's chain is told. A count under way, or one that failed, is no count."""
    countable = time_column(seen) is not None
    if counted is None:
        return LabelFacts(countable=countable)
    found, trouble = counted.found, counted.standing.message if counted.standing.state == "Failed" else ""
    if found is None:
        return LabelFacts(countable=countable, trouble=trouble)
    rows = found.rows if found.labelled is None else found.labelled
    return LabelFacts(rows, countable, parse_time(found.newest) if found.newest else None)


def time_column(seen: Observed) -> str | None:
    """The column that says when a row happened."""
    data, training = seen.policy.spec.data, seen.training
    features = training.spec.data.features if training else None
    return (data.time_column if data else None) or (features.time_column if features else None)


def _source(source: TrainSource) -> dict[str, Any]:
    asked = {"uri": source.uri, "format": source.format, "include": source.include}
    return {name: value for name, value in asked.items() if value is not None}


def _errand(seen: Observed, asked: dict[str, Any], marker: str, ctx: Context) -> Errand:
    assert seen.training_body is not None  # noqa: S101  the caller looked
    question = digest_of({"kind": "CountRows", "asked": asked, "listing": marker})
    task = Task(
        kind="CountRows",
        namespace=seen.namespace,
        model=seen.model,
        training=seen.training_body["metadata"]["name"],
        uid=seen.training_body["metadata"]["uid"],
        registry=ctx.config.registry,
        run_key=bare(question),
        spec=seen.training_body["spec"],
        parameters=asked,
    )
    return Errand(seen.body, task)
