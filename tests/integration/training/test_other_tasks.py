"""Tasks other than training, in pods against a real S3 server: measure again, count rows, join labels."""

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from perennial.api.records.findings import LabelJoin, Reevaluation, RowCount
from perennial.api.records.record import Record
from perennial.api.records.task import Champion, ExitCode
from tests.integration.training.conftest import SMALL, Ended, Trainer, csv
from tests.integration.training.test_designs import table

pytestmark = pytest.mark.s3


def result[R: Record](trainer: Trainer, ended: Ended, kind: type[R]) -> R:
    assert ended.code == ExitCode.OK, ended.outcome
    assert ended.outcome.result_key is not None
    return kind.from_json(trainer.store.get(f"registry/{ended.outcome.result_key}").body)


def test_measuring_again_gives_what_the_run_measured_and_compares_with_a_new_champion(trainer: Trainer):
    features = {"features": {"timeColumn": "t"}}
    trainer.put("a.csv", table(800))
    first = trainer.record(trainer.train(trainer.spec(data=features)))
    trainer.put("b.csv", table(800, start=800))
    spec = trainer.spec(data=features)
    second = trainer.record(trainer.train(spec))
    assert second.comparisons == []
    task = trainer.task({**spec, "evaluation": {"slices": [{"column": "kind"}]}})
    task = task.model_copy(
        update={"kind": "Evaluate", "run_digest": second.run_digest, "champion": Champion(run_digest=first.run_digest)}
    )
    again = result(trainer, trainer.run(task), Reevaluation)
    values = {name: m.value for name, m in second.metrics.items()}
    assert {name: m.value for name, m in again.metrics.items()} == pytest.approx(values, rel=1e-9)
    assert {s.column for s in again.slices} == {"kind"}
    assert [c.against for c in again.comparisons] == [first.run_digest]


def test_measuring_again_on_data_that_has_changed_is_refused(trainer: Trainer):
    trainer.put("a.csv", table(400))
    run = trainer.record(trainer.train(trainer.spec()))
    trainer.put("b.csv", table(400, start=400))
    task = trainer.task(trainer.spec()).model_copy(update={"kind": "Evaluate", "run_digest": run.run_digest})
    ended = trainer.run(task)
    assert (ended.code, ended.outcome.reason) == (ExitCode.DATA_REFUSED, "DigestMismatch")


def count(trainer: Trainer, **parameters: object) -> RowCount:
    spec = trainer.spec(data={"features": {"timeColumn": "t"}})
    task = trainer.task(spec).model_copy(update={"kind": "CountRows", "parameters": parameters})
    return result(trainer, trainer.run(task), RowCount)


def test_rows_are_counted_after_a_moment_and_with_a_label(trainer: Trainer):
    rows = {"t": lambda i: f"2026-01-{i + 1:02d}", "y": lambda i: "" if i >= 25 else "yes"}
    trainer.put("a.csv", csv(30, rows))
    whole = count(trainer)
    assert (whole.rows, whole.labelled, whole.objects) == (30, 25, 1)
    assert (whole.oldest, whole.newest) == ("2026-01-01T00:00:00.000000Z", "2026-01-30T00:00:00.000000Z")
    late = count(trainer, after="2026-01-20T00:00:00Z")
    assert (late.rows, late.labelled) == (10, 5)


def test_only_objects_that_a_run_has_not_read_are_counted(trainer: Trainer):
    trainer.put("a.csv", table(400))
    run = trainer.record(trainer.train(trainer.spec()))
    assert count(trainer, unreadBy=run.run_digest, timeColumn="", target="").rows == 0
    trainer.put("b.csv", table(30, start=400))
    trainer.put("c.csv", table(20, start=430))
    assert count(trainer, unreadBy=run.run_digest, timeColumn="", target="").rows == 50


def test_nothing_to_count_is_an_answer_and_no_failure(trainer: Trainer):
    assert count(trainer).rows == 0


def test_labels_are_joined_to_predictions_of_a_cohort(trainer: Trainer):
    out = io.BytesIO()
    rows = range(400)
    times = pa.array([1_767_225_600_000_000 + i * 3_600_000_000 for i in rows], pa.timestamp("us", tz="UTC"))
    scores = [(i * 37 % 100) / 100 for i in rows]
    pq.write_table(pa.table({"id": [f"r{i}" for i in rows], "time": times, "score": scores}), out)
    trainer.store.put("log/a.parquet", out.getvalue())
    known = csv(300, {"id": lambda i: f"r{i}", "late": lambda i: str(scores[i] > 0.5).lower()})
    trainer.store.put("labels/a.csv", known)
    parameters = {
        "predictions": f"s3://{trainer.bucket}/log/", "labels": f"s3://{trainer.bucket}/labels/", "idColumn": "id",
        "labelColumn": "late", "metric": "roc_auc", "start": "2026-01-01T00:00:00Z", "end": "2026-01-14T16:00:00Z",
    }  # fmt: skip
    task = trainer.task(trainer.spec(algorithm=SMALL)).model_copy(
        update={"kind": "JoinLabels", "parameters": parameters}
    )
    joined = result(trainer, trainer.run(task), LabelJoin)
    assert (joined.predictions, joined.labels) == (328, 300)
    assert joined.coverage == pytest.approx(300 / 328)
    assert joined.measured is not None
    assert joined.measured.value == 1.0
    assert joined.rarer is not None
