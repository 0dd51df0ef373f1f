"""Every kind of design and task through a whole run: searches, calibration, decisions, refits, comparisons."""

import json
import random
import re
from typing import Any

import pytest

from perennial.api.records.signature import Signature
from perennial.api.records.task import Champion
from tests.integration.training.conftest import HIST, SMALL, Trainer, csv

pytestmark = pytest.mark.s3


def table(rows: int = 600, *, start: int = 0, strength: float = 3.0) -> bytes:
    """x decides y, noisily; `kind` and `t` come along."""
    chance = random.Random(start)

    def label(i: int) -> str:
        return "yes" if (i * 7919 % 101) / 101 + chance.gauss(0, 1 / strength) > 0.5 else "no"

    return csv(
        rows,
        {
            "x": lambda i: i * 7919 % 101,
            "noise": lambda i: chance.random(),
            "kind": lambda i: "abc"[i % 3],
            "t": lambda i: (
                f"2026-{(start + i) // 672 + 1:02d}-{(start + i) // 24 % 28 + 1:02d}T{(start + i) % 24:02d}:00:00Z"
            ),
            "y": label,
        },
    )


@pytest.fixture
def filled(trainer: Trainer) -> Trainer:
    trainer.put("a.csv", table())
    return trainer


SPACE = {"learning_rate": {"min": 0.02, "max": 0.3, "scale": "log"}, "max_leaf_nodes": {"values": [4, 8]}}


@pytest.mark.parametrize("strategy", ["random", "halving", "bayesian"])
def test_a_search_keeps_a_design_that_it_tried_and_is_repeatable(filled: Trainer, strategy: str):
    search = {"strategy": strategy, "space": SPACE, "trials": 4, "folds": 2}
    spec = filled.spec(algorithm={"estimator": HIST, "parameters": {"max_iter": 5}, "search": search})
    record = filled.record(filled.train(spec))
    tried = [trial["parameters"] for trial in record.chosen["trials"]]
    assert record.chosen["parameters"] in tried
    assert record.chosen["parameters"]["max_iter"] == 5
    assert len(tried) >= 4


def test_a_trial_that_fails_does_not_fail_the_search(filled: Trainer):
    space = {"learning_rate": {"values": [0.1, -1]}}
    search = {"strategy": "grid", "space": space, "folds": 2}
    record = filled.record(filled.train(filled.spec(algorithm={**SMALL, "search": search})))
    failed = [t for t in record.chosen["trials"] if t["score"] is None]
    assert len(failed) == 1
    assert "learning_rate" in failed[0]["failure"]
    assert record.chosen["parameters"]["learning_rate"] == 0.1


def test_of_several_candidates_the_better_one_is_kept(filled: Trainer):
    designs = [{"estimator": "sklearn.dummy.DummyClassifier"}, {**SMALL}]
    record = filled.record(filled.train(filled.spec(algorithm={"candidates": designs})))
    assert record.chosen["estimator"] == HIST
    signature = Signature.from_json(filled.file(record, "signature.json"))
    assert signature.estimator == HIST


def test_a_cost_moves_the_threshold_of_the_stored_model(filled: Trainer):
    dear = {"cost": {"falsePositive": 1, "falseNegative": 10}}
    record = filled.record(filled.train(filled.spec(algorithm={**SMALL, "decision": dear})))
    signature = Signature.from_json(filled.file(record, "signature.json"))
    assert signature.threshold == record.chosen["threshold"] < 0.4


@pytest.mark.parametrize("method", ["isotonic", "sigmoid"])
def test_a_calibrated_model_can_be_stored_and_says_so(filled: Trainer, method: str):
    record = filled.record(filled.train(filled.spec(algorithm={**SMALL, "calibration": method})))
    assert record.chosen["calibration"] == method
    assert record.metrics["log_loss"].value < 0.6


def test_a_refit_changes_the_artifact_but_not_the_measurements(filled: Trainer):
    judged = filled.record(filled.train(filled.spec()))
    refitted = filled.record(filled.train(filled.spec(algorithm={**SMALL, "refit": "all"})))
    assert refitted.artifact.digest != judged.artifact.digest
    assert refitted.metrics == judged.metrics
    assert filled.file(refitted, "holdout_predictions.parquet") == filled.file(judged, "holdout_predictions.parquet")


TASKS: list[tuple[str, dict[str, Any], str]] = [
    ("sklearn.linear_model.Ridge", {"target": "x"}, "rmse"),
    ("sklearn.ensemble.RandomForestClassifier", {"target": "kind"}, "f1_macro"),
    ("sklearn.ensemble.IsolationForest", {"target": None}, "alert_rate"),
    ("sklearn.ensemble.IsolationForest", {"target": "y"}, "roc_auc"),
    ("sklearn.svm.LinearSVC", {}, "roc_auc"),
    ("sklearn.linear_model.LogisticRegression", {}, "log_loss"),
    ("lightgbm.LGBMClassifier", {}, "log_loss"),
    ("xgboost.XGBRegressor", {"target": "x"}, "r2"),
]


@pytest.mark.parametrize(("estimator", "data", "metric"), TASKS)
def test_every_kind_of_task_ends_in_a_run_with_a_report(filled: Trainer, estimator, data, metric):
    spec = filled.spec(data=data, algorithm={"estimator": estimator})
    if spec["data"]["target"] is None:
        del spec["data"]["target"]
    record = filled.record(filled.train(spec))
    assert metric in record.metrics
    report = filled.file(record, "report.html").decode()
    assert estimator in report
    assert not re.search(r"""(src|href|url)\s*[=(]\s*["']?(https?:)?//""", report)


def test_json_lines_and_csv_of_the_same_rows_give_the_same_model(trainer: Trainer):
    rows = [dict(zip(("x", "kind", "y"), (i % 31, "ab"[i % 2], bool(i % 3)), strict=True)) for i in range(400)]
    lines = "\n".join(json.dumps(row) for row in rows).encode()
    text = csv(400, {key: (lambda i, k=key: str(rows[i][k]).lower() if k == "y" else rows[i][k]) for key in rows[0]})
    records = []
    for name, body in (("a.jsonl", lines), ("a.csv", text)):
        trainer.store.put(f"data-{name}/{name}", body)
        spec = trainer.spec(data={"train": {"uri": f"s3://{trainer.bucket}/data-{name}/"}})
        records.append(trainer.record(trainer.train(spec)))
    assert records[0].metrics == records[1].metrics
    assert records[0].data.holdout_digest == records[1].data.holdout_digest


def test_a_hold_out_of_its_own_is_judged_by_and_not_learned_from(trainer: Trainer):
    trainer.put("a.csv", table())
    trainer.store.put("later/b.csv", table(200, start=600))
    spec = trainer.spec(data={"holdout": {"uri": f"s3://{trainer.bucket}/later/"}})
    record = trainer.record(trainer.train(spec))
    assert (record.data.train_rows, record.data.holdout_rows) == (600, 200)


def test_a_champion_is_compared_on_rows_that_it_has_not_seen(trainer: Trainer):
    features = {"features": {"timeColumn": "t"}}
    trainer.put("a.csv", table(800))
    first = trainer.record(trainer.train(trainer.spec(data=features)))
    trainer.put("b.csv", table(800, start=800))
    champion = Champion(run_digest=first.run_digest, version=1)
    second = trainer.record(trainer.train(trainer.spec(data=features), champion=champion))
    assert second.run_digest != first.run_digest
    (compared,) = [c for c in second.comparisons if c.metric == "roc_auc"]
    assert (compared.against, compared.role) == (first.run_digest, "Champion")
    assert compared.n == second.data.holdout_rows  # all of it is newer than the champion
    assert abs(compared.delta - (compared.challenger - compared.champion)) < 1e-12
    assert second.expected_shift is not None
    refitted = trainer.spec(data=features, algorithm={**SMALL, "refit": "all"})
    served = trainer.record(trainer.train(refitted, champion=champion))
    assert served.metrics == second.metrics
    assert served.expected_shift != second.expected_shift  # a rollout sees the refitted model


def test_a_champion_refitted_on_all_rows_is_not_compared_on_rows_it_has_seen(trainer: Trainer):
    trainer.put("a.csv", table(800))
    first = trainer.record(trainer.train(trainer.spec(algorithm={**SMALL, "refit": "all"})))
    champion = Champion(run_digest=first.run_digest)
    second = trainer.record(trainer.train(trainer.spec(), champion=champion))
    assert second.comparisons == []
    assert any("0 of" in warning and "Champion" in warning for warning in second.warnings)


def test_a_champion_that_takes_other_columns_is_a_warning_and_no_failure(trainer: Trainer):
    trainer.put("a.csv", table(400))
    first = trainer.record(trainer.train(trainer.spec()))
    renamed = table(400).replace(b"x,noise", b"z,noise", 1)
    trainer.put("a.csv", renamed)
    second = trainer.record(trainer.train(trainer.spec(), champion=Champion(run_digest=first.run_digest)))
    assert second.comparisons == []
    assert any("takes other columns" in warning for warning in second.warnings)
