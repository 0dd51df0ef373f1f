"""The commands of a laptop on real files: train, verify-run, init."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from perennial.cli.main import app
from tests.integration.training.conftest import SMALL, Trainer
from tests.integration.training.test_designs import table

pytestmark = pytest.mark.filterwarnings("ignore")  # captured into logs.txt by the command itself


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.csv").write_bytes(table(500))
    return tmp_path


def written(folder: Path, *, uri: str = "", target: str = "y", **spec: object) -> Path:
    data = {"train": {"uri": uri or (folder / "data").as_uri() + "/"}, "target": target}
    training = {
        "apiVersion": "perennial.dev/v1alpha1",
        "kind": "ModelTraining",
        "metadata": {"name": "m", "namespace": "team"},
        "spec": {"data": data, "algorithm": SMALL, **spec},
    }
    path = folder / "training.yaml"
    path.write_text(yaml.dump_all([training, {"kind": "ModelDeployment"}]))
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments])


def trained(folder: Path, path: Path) -> dict:
    ended = run("train", "-f", path, "--store", (folder / "store").as_uri(), "-o", "json")
    assert ended.exit_code == 0, ended.output
    return json.loads(ended.stdout)


def test_train_prints_digests_metrics_gates_and_a_report_that_is_there(folder: Path):
    gates = [{"metric": "roc_auc", "min": 0.5}, {"metric": "roc_auc", "min": 0.9999}]
    found = trained(folder, written(folder, evaluation={"gates": gates}))
    assert [gate["result"] for gate in found["gates"]] == ["Passed", "Failed"]
    assert found["artifactDigest"].startswith("sha256:")
    assert found["metrics"]["roc_auc"] > 0.6
    report = Path(found["report"].removeprefix("file://"))
    assert "<svg" in report.read_text()


def test_train_again_says_that_the_run_was_there_already(folder: Path):
    path = written(folder)
    first, second = trained(folder, path), trained(folder, path)
    assert (first["reused"], second["reused"]) == (False, True)
    assert first["runDigest"] == second["runDigest"]


def test_a_refused_table_ends_with_its_exit_code_and_one_sentence(folder: Path):
    ended = run("train", "-f", written(folder, target="yy"), "--store", (folder / "store").as_uri())
    assert ended.exit_code == 64
    assert "did you mean 'y'" in ended.stderr
    assert "Traceback" not in ended.output


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind: ModelDeployment\n", "expected one ModelTraining, found 0"),
        ("a: [\n", "cannot be read as YAML"),
        ("kind: ModelTraining\nspec: {data: {train: {uri: 's3://a/b'}, traget: y}}\n", "traget"),
    ],
)
def test_a_file_without_a_valid_training_is_refused_by_name(tmp_path: Path, text: str, words: str):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    ended = run("train", "-f", path)
    assert ended.exit_code == 2
    assert words in " ".join(ended.stderr.replace("│", " ").split())


def test_a_stored_run_verifies_and_one_with_changed_data_does_not(folder: Path):
    found = trained(folder, written(folder))
    verified = run("verify-run", found["uri"], "-o", "json")
    assert verified.exit_code == 0, verified.output
    assert json.loads(verified.stdout)["same_artifact"] is True
    (folder / "data" / "b.csv").write_bytes(table(100, start=500))
    changed = run("verify-run", found["uri"])
    assert changed.exit_code == 64
    assert "has changed" in changed.stderr.replace("\n", " ")


def test_init_writes_objects_that_train_and_pass_their_own_gates(folder: Path):
    out = folder / "made.yaml"
    ended = run("init", folder / "data" / "a.csv", "--target", "y", "--name", "made", "--out", out)
    assert ended.exit_code == 0, ended.output
    kinds = [document["kind"] for document in yaml.safe_load_all(out.read_text())]
    assert kinds == ["ModelTraining", "ModelDeployment", "RetrainPolicy"]
    found = trained(folder, out)
    assert {gate["result"] for gate in found["gates"]} == {"Passed"}


def test_init_offers_the_nearest_column_for_a_target_that_is_not_there(folder: Path):
    ended = run("init", folder / "data" / "a.csv", "--target", "nois", "--out", folder / "x.yaml")
    assert ended.exit_code == 2
    assert "noise" in ended.stderr


@pytest.mark.s3
def test_a_laptop_and_a_pod_give_one_run_the_same_digests(trainer: Trainer, tmp_path: Path):
    trainer.put("a.csv", table(500))
    pod = trainer.record(trainer.train(trainer.spec()))
    # a process of its own: the test runner's has its numeric libraries, and so their threads, set up already
    done = subprocess.run(
        [Path(sys.executable).parent / "perennial", "train", "-o", "json", "--store", (tmp_path / "store").as_uri(),
         "-f", written(tmp_path, uri=f"s3://{trainer.bucket}/data/")],
        env={**os.environ, **trainer.env}, capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["runDigest"], found["artifactDigest"]) == (pod.run_digest, pod.artifact.digest)
    assert found["metrics"] == {name: m.value for name, m in pod.metrics.items()}
