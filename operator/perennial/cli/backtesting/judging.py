"""What a challenger measures against the champion on the same rows, in the record that gates read."""

from collections.abc import Sequence

from perennial.api.metrics import METRICS
from perennial.api.records.run import Artifact, Comparison, DataFacts, Measured, RunRecord, TaskType
from perennial.stats.intervals import interval
from perennial.stats.metrics import Rows
from perennial.stats.paired import compare


def run_record(metrics: Sequence[str], ours: Rows, theirs: Rows, *, task: TaskType, seed: int) -> RunRecord:
    """The run of a replayed challenger: nothing of it is stored, so only its measurements are filled in.

    Args:
        metrics: what is measured and compared; the first is what a gain is told in.
        ours, theirs: answers of challenger and champion to the same rows.
    """
    found = {n: interval(n, ours.truth, y_pred=ours.label, y_score=ours.score, seed=seed) for n in metrics}
    return RunRecord(
        run_digest="challenger",
        run_key="",
        namespace="",
        model="",
        data=DataFacts(digest="", rows=ours.truth.size, bytes=0, columns=0),
        environment_digest="",
        task=task,
        attempt="",
        files={},
        artifact=Artifact(digest=""),
        metrics={
            n: Measured(value=i.value, lower=i.lower, upper=i.upper, se=i.se, n=i.n, method=i.method)
            for n, i in found.items()
        },
        comparisons=[_comparison(name, ours, theirs, seed) for name in metrics],
    )


def _comparison(metric: str, ours: Rows, theirs: Rows, seed: int) -> Comparison:
    d = compare(metric, ours, theirs, larger_is_better=METRICS[metric].maximize, seed=seed)
    return Comparison(
        against="champion",
        metric=metric,
        n=d.n,
        delta=d.delta,
        se=d.se,
        challenger=d.challenger,
        champion=d.champion,
        method=d.method,
        bootstrap=list(d.bootstrap),
    )
