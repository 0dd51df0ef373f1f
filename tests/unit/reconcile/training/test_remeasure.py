"""What was measured again takes the place of what was measured first, and nothing else is lost."""

from perennial.api.records.findings import Reevaluation
from perennial.api.records.run import Comparison, Measured, SliceMeasured
from perennial.reconcile.training.remeasure import merged
from tests.support.run_records import run_record

OLD, NEW = "sha256:" + "1" * 64, "sha256:" + "2" * 64


def compared(against: str, delta: float) -> Comparison:
    return Comparison(against=against, metric="roc_auc", n=100, delta=delta, se=0.1, challenger=0.8, champion=0.8)


def test_new_comparisons_join_the_old_ones_and_replace_those_of_the_same_run_and_metric() -> None:
    first = run_record(comparisons=[compared(OLD, 0.1), compared(NEW, 0.2)], expected_shift=0.3)
    again = Reevaluation(run_digest=first.run_digest, metrics={}, comparisons=[compared(NEW, 0.5)])
    found = merged(first, again)
    assert [(c.against, c.delta) for c in found.comparisons] == [(OLD, 0.1), (NEW, 0.5)]
    assert found.expected_shift == 0.3


def test_slices_and_metrics_that_the_run_never_measured_are_there_afterwards() -> None:
    first = run_record(metrics={"roc_auc": Measured(value=0.8)})
    sliced = [SliceMeasured(column="kind", level="x", rows=10, metrics={})]
    again = Reevaluation(run_digest=first.run_digest, metrics={"accuracy": Measured(value=0.7)}, slices=sliced)
    found = merged(first, again)
    assert set(found.metrics) == {"roc_auc", "accuracy"}
    assert found.slices == sliced
