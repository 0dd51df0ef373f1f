"""Drift reports: written at each alarm and when a person asks, as a page and as JSON, next to the windows they show."""

from perennial.api.records.drift_report import DriftReport
from perennial.reconcile.context import Context
from perennial.reconcile.registries import in_store, store_of
from perennial.reconcile.retrain.observed import Observed
from perennial.reconcile.retrain.windows import Seen
from perennial.reports import drift_page, drift_report
from perennial.store.layout import WindowKeys
from perennial.store.objects import JSON, ObjectStore

ASKED = "perennial.dev/drift-report"
"""Annotation whose every new value asks for a report of the last windows."""
HTML = "text/html; charset=utf-8"


def wish(seen: Observed) -> str:
    """A person's wish that was not acted on; empty without one."""
    value = seen.policy.metadata.annotations.get(ASKED, "")[:128]
    return value if value != seen.policy.status.acted.get(ASKED, "") else ""


def is_due(seen: Observed, windows: Seen) -> bool:
    """A model has begun to drift, or a person asks. What the windows show is written anew, never something else."""
    if not windows.records:
        return False
    old = seen.policy.status.drift
    known = old is not None and old.artifact == windows.artifact and old.state == "Drifted" and old.report
    return bool(wish(seen)) or (windows.state.state == "Drifted" and not known)


async def keep(seen: Observed, windows: Seen, ctx: Context) -> str:
    """Write the report of the last windows; the URI of its page. Done twice, it is the same.

    Raises:
        StorageError: storage did not take it.
    """
    assert seen.deployment is not None  # noqa: S101  there are windows
    assert windows.profile is not None  # noqa: S101
    report = drift_report(
        windows.profile, windows.records, windows.verdicts, windows.state, namespace=seen.namespace, model=seen.model
    )
    keys = WindowKeys(seen.namespace, seen.deployment.metadata.uid, windows.artifact)
    store = store_of(ctx)
    return f"{ctx.config.registry}/{await in_store(ctx, lambda: _put(store, keys, report))}"


def _put(store: ObjectStore, keys: WindowKeys, report: DriftReport) -> str:
    page = keys.report(report.end, "html")
    store.put(keys.report(report.end, "json"), report.to_json(), content_type=JSON)
    store.put(page, drift_page(report).encode(), content_type=HTML)
    return page
