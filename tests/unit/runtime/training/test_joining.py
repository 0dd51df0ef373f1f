"""Joined labels are measured as the version that predicted decides, on files, without a pod."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from perennial.api.records.findings import LabelJoin
from perennial.api.records.task import Task
from perennial.runtime.training.joining import join_labels
from tests.unit.runtime.training.requests import spec

Join = Callable[..., LabelJoin]
SCORES = [0.1, 0.3, 0.45, 0.6, 0.7, 0.9]


@pytest.fixture
def join(tmp_path: Path) -> Join:
    """Joins predictions and labels of the given ids; keywords are parameters of the task."""

    def ask(
        scores: list[float], labels: dict[int, Any] | list[tuple[str, Any]], metric: str, **parameters: Any
    ) -> LabelJoin:
        for name in ("log", "labels"):
            (tmp_path / name).mkdir()
        ids = [str(i) for i in range(len(scores))]
        times = pa.array([1_767_225_600_000_000] * len(ids), pa.timestamp("us", tz="UTC"))
        parquet.write_table(pa.table({"id": ids, "time": times, "score": scores}), tmp_path / "log/a.parquet")
        pairs = list(labels.items()) if isinstance(labels, dict) else labels
        known = {"id": [str(i) for i, _ in pairs], "y": [label for _, label in pairs]}
        parquet.write_table(pa.table(known), tmp_path / "labels/a.parquet")
        folders = {name: (tmp_path / name).as_uri() + "/" for name in ("log", "labels")}
        asked = {"predictions": folders["log"], "labels": folders["labels"], "idColumn": "id", "labelColumn": "y"}
        task = Task(
            kind="JoinLabels", namespace="ns", model="m", training="m", uid="u", registry=tmp_path.as_uri(),
            run_key="e" * 64, spec=spec(), parameters={**asked, "metric": metric, **parameters},
        )  # fmt: skip
        return join_labels(task)

    return ask


@pytest.mark.parametrize(("threshold", "accuracy"), [(None, 5 / 6), (0.4, 1.0), (0.45, 1.0), (0.8, 3 / 6)])
def test_answers_are_cut_at_the_threshold_of_the_version_that_predicted(
    join: Join, threshold: float | None, accuracy: float
) -> None:
    truth = {0: "no", 1: "no", 2: "yes", 3: "yes", 4: "yes", 5: "yes"}
    found = join(SCORES, truth, "accuracy", **({} if threshold is None else {"threshold": threshold}))
    assert found.measured is not None
    assert found.measured.value == pytest.approx(accuracy)


def test_a_ranking_does_not_depend_on_the_threshold(join: Join) -> None:
    found = join(SCORES, {0: 0, 1: 0, 2: 1, 3: 1, 4: 1, 5: 1}, "roc_auc", threshold=0.99)
    assert found.measured is not None
    assert found.measured.value == 1.0


def test_the_positive_class_is_the_one_that_is_named(join: Join) -> None:
    found = join(SCORES, {0: "b", 1: "b", 2: "b", 3: "a", 4: "a", 5: "a"}, "accuracy", positiveClass="A")
    assert (found.measured.value if found.measured else None, found.rarer) == (1.0, 3)


def test_of_several_labels_of_a_prediction_the_last_counts_once(join: Join) -> None:
    found = join(SCORES[:2], [("0", "yes"), ("1", "yes"), ("0", "no"), ("9", "yes")], "accuracy")
    assert (found.predictions, found.labels, found.rarer) == (2, 2, 1)
    assert found.measured is not None
    assert found.measured.value == 0.5  # both scores say no; the first label of prediction 0 would make it 0


def test_numbers_are_not_cut(join: Join) -> None:
    found = join([1.0, 2.0, 4.0], {0: 1.0, 1: 2.0, 2: 3.0}, "mae", threshold=0.5)
    assert found.rarer is None
    assert found.measured is not None
    assert found.measured.value == pytest.approx(1 / 3)


def test_one_class_alone_is_counted_and_not_measured(join: Join) -> None:
    found = join(SCORES, {0: "no", 1: "no"}, "accuracy")
    assert (found.predictions, found.labels, found.rarer, found.measured) == (6, 2, 0, None)
