"""Short Jobs cost their budget once, on the day they are first seen to have ended."""

from datetime import UTC, datetime, timedelta

from perennial.api.records.task import Task
from perennial.api.retrain_status import BudgetStatus
from perennial.reconcile.retrain.spending import Ledger, ledger
from perennial.reconcile.tasks import Errand, Standing

NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)


def standing(key: str, seconds: float | None) -> Standing:
    task = Task(
        kind="CountRows", namespace="n", model="m", training="t", uid="u", registry="s3://b", run_key=key, spec={}
    )
    return Standing(Errand({"metadata": {"name": "p", "uid": "u"}}, task), "Succeeded", cpu_seconds=seconds)


def kept(found: Ledger) -> BudgetStatus:
    return BudgetStatus(tasks=list(found.days), counted=list(found.counted))


def test_a_job_counts_once_however_often_it_is_looked_at_and_one_at_work_not_yet() -> None:
    first = ledger(None, [standing("a", 2.5), standing("b", None)], NOW)
    again = ledger(kept(first), [standing("a", 2.5), standing("b", 1.0)], NOW)
    assert [(d.start, d.cpu_seconds) for d in again.spent] == [(datetime(2026, 6, 10, tzinfo=UTC), 3.5)]
    assert ledger(kept(again), [standing("a", 2.5), standing("b", 1.0)], NOW) == again


def test_each_day_has_its_own_sum() -> None:
    first = ledger(None, [standing("a", 2.0)], NOW)
    second = ledger(kept(first), [standing("b", 3.0)], NOW + timedelta(days=1))
    assert [d.cpu_seconds for d in second.spent] == [2.0, 3.0]
