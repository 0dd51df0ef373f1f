"""One month of flights through the real container command and a real S3 server."""

import hashlib
import json
from pathlib import Path

import pytest

from perennial.api.records.profile import Profile
from perennial.api.records.run import RunRecord
from perennial.api.records.signature import Signature
from perennial.runtime.artifacts import load_model
from tests.integration.training.conftest import Trainer

pytestmark = pytest.mark.s3

ALGORITHM = {"estimator": "sklearn.ensemble.HistGradientBoostingClassifier", "parameters": {"max_iter": 60}}
FEATURES = {"timeColumn": "time", "idColumn": "id"}


@pytest.fixture
def january(trainer: Trainer, flights: Path) -> Trainer:
    trainer.put("2013-01.parquet", (flights / "2013-01.parquet").read_bytes())
    return trainer


def flight_spec(trainer: Trainer) -> dict:
    evaluation = {"slices": [{"column": "carrier"}]}
    return trainer.spec(data={"target": "late", "features": FEATURES}, algorithm=ALGORITHM, evaluation=evaluation)


def test_the_containers_command_makes_a_run_that_a_server_could_load(
    cold_trainer: Trainer, flights: Path, tmp_path: Path
):
    january = cold_trainer
    january.put("2013-01.parquet", (flights / "2013-01.parquet").read_bytes())
    record = january.record(january.train(flight_spec(january)))
    assert 0.6 < record.metrics["roc_auc"].lower < record.metrics["roc_auc"].upper < 0.8
    assert record.data.holdout_rows <= 0.2 * record.data.rows
    assert record.data.train_end < record.data.end
    assert {"carrier"} == {s.column for s in record.slices}
    for name, stored in record.files.items():
        body = january.file(record, name)
        assert "sha256:" + hashlib.sha256(body).hexdigest() == stored.sha256
        (tmp_path / name).write_bytes(body)
    signature = Signature.from_json((tmp_path / "signature.json").read_bytes())
    load_model(tmp_path, signature, record.artifact).warm_up()
    profile = Profile.from_json((tmp_path / "profile.json").read_bytes())
    assert "distance" in {f.name for f in profile.features}
    assert (record.cost["cpuSeconds"], set(record.timings)) > (0, set())


def test_the_same_task_again_reuses_the_run_and_fits_nothing(january: Trainer):
    spec = flight_spec(january)
    first = january.train(spec)
    again = january.train(spec)
    assert (first.outcome.outcome, again.outcome.outcome) == ("Succeeded", "Reused")
    assert again.outcome.run_digest == first.outcome.run_digest
    assert "stage fetch" not in again.log
    assert january.record(again).attempt == january.record(first).attempt


def test_training_twice_gives_the_same_digests_and_metrics(january: Trainer):
    spec = flight_spec(january)
    one = january.record(january.train(spec))
    other = january.task({**spec, "reuse": False})
    other = other.model_copy(update={"registry": other.registry + "-2"})
    ended = january.run(other)
    second = RunRecord.from_json(
        january.store.get(f"registry-2/team/m/runs/{ended.outcome.run_digest.removeprefix('sha256:')}/run.json").body
    )
    assert (second.run_digest, second.artifact.digest) == (one.run_digest, one.artifact.digest)
    assert second.metrics == one.metrics
    assert second.importances == one.importances
    assert second.files["signature.json"].sha256 == one.files["signature.json"].sha256
    assert second.files["profile.json"].sha256 == one.files["profile.json"].sha256


def test_a_pinned_digest_that_differs_is_refused_with_both(january: Trainer):
    spec = flight_spec(january)
    spec["data"]["train"]["digest"] = "sha256:" + "0" * 64
    ended = january.train(spec)
    assert (ended.code, ended.outcome.reason) == (64, "DigestMismatch")
    assert "sha256:" + "0" * 64 in ended.outcome.message
    assert ended.outcome.message.count("sha256:") == 2


def test_another_file_in_the_folder_makes_another_run(january: Trainer, flights: Path):
    first = january.train(flight_spec(january))
    january.put("2013-02.parquet", (flights / "2013-02.parquet").read_bytes())
    second = january.train(flight_spec(january))
    assert first.outcome.run_digest != second.outcome.run_digest
    pointer = january.store.get(f"registry/team/m/runs/keys/{january.task(flight_spec(january)).run_key}.json").body
    assert json.loads(pointer)["runDigest"] in (first.outcome.run_digest, second.outcome.run_digest)
