"""The life of a pod of own code, container by container, on a real S3 server: judged, killed, and gone on with."""

import json
import random
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perennial.api.records.task import ExitCode, Outcome
from tests.integration.training.conftest import Ended, Trainer
from tests.support.own_pod import OwnPod, until

pytestmark = [pytest.mark.s3, pytest.mark.timeout(600)]

DELETED = 143


def rows(count: int = 600, seed: int = 1) -> bytes:
    """A CSV that a small network can learn: y follows a and whether c is red."""
    source = random.Random(seed)
    lines = ["a,c,y"]
    for _ in range(count):
        a, c = source.gauss(0, 1), source.choice(["red", "green", "blue"])
        lines.append(f"{a:.4f},{c},{'yes' if a + (c == 'red') + source.gauss(0, 0.5) > 0.3 else 'no'}")
    return ("\n".join(lines) + "\n").encode()


def spec(trainer: Trainer, **container: Any) -> dict[str, Any]:
    made: dict[str, Any] = trainer.spec()
    del made["algorithm"]
    own = {"image": "own:1", "fetch": True, "parameters": {"epochs": 5}, **container}
    return {**made, "container": own, "evaluation": {"metrics": ["roc_auc"], "slices": [{"column": "c"}]}}


@pytest.fixture
def pods(cold_trainer: Trainer, tmp_path: Path) -> Callable[..., OwnPod]:
    """Makes pods for a spec, all over the same bucket."""
    cold_trainer.put("rows.csv", rows())
    made: list[OwnPod] = []

    def pod(asked: dict[str, Any], **more: Any) -> OwnPod:
        task = cold_trainer.task(asked).to_json().decode()
        env = {**cold_trainer.env, "PERENNIAL_TASK": task}
        made.append(OwnPod(tmp_path / f"pod-{len(made)}", env, **more))
        return made[-1]

    return pod


def outcome(pod: OwnPod, name: str) -> Outcome:
    return Outcome.from_json(pod.named(name).message)


def test_code_of_ones_own_becomes_a_run_like_any_other(cold_trainer: Trainer, pods: Callable[..., OwnPod]) -> None:
    pod = pods(spec(cold_trainer, parameters={"epochs": 30}))
    assert [(c.name, c.code) for c in pod.run()] == [("fetch", 0), ("user", 0), ("publish", 0), ("agent", 0)]
    digest = outcome(pod, "publish").run_digest
    record = cold_trainer.record(_ended(pod))
    assert record.run_digest == digest
    assert record.task == "Binary"
    assert record.metrics["roc_auc"].value > 0.6
    assert {s.column for s in record.slices} == {"c"}
    assert record.data.train_rows + record.data.holdout_rows == 600
    assert record.chosen["reported"]["epochs"] == 30
    assert record.chosen["file"] == "model.skops"
    assert set(record.cost) == {"wallSeconds"}
    assert {"resolve", "fetch", "train", "evaluate", "package"} <= set(record.timings)
    assert {"model.skops", "signature.json", "profile.json", "report.html", "card.md"} <= set(record.files)
    given = json.loads((pod.run_folder / "request.json").read_text())
    assert given["data"]["rows"] == record.data.train_rows
    again = pods(spec(cold_trainer, parameters={"epochs": 30}))
    assert [(c.name, c.code) for c in again.run()] == [("fetch", ExitCode.REUSED), ("agent", 0)]
    assert outcome(again, "fetch").run_digest == digest


def test_a_pod_that_is_killed_in_the_middle_is_gone_on_with_by_the_next(
    cold_trainer: Trainer, pods: Callable[..., OwnPod]
) -> None:
    asked = spec(cold_trainer, parameters={"epochs": 12, "secondsPerEpoch": 0.5})
    first = pods(asked)

    def deleted(pod: OwnPod, user: subprocess.Popen[bytes]) -> None:
        state = pod.run_folder / "output" / "checkpoint" / "state.json"
        until(lambda: state.exists() and json.loads(state.read_text())["epochs"] >= 4)
        user.send_signal(signal.SIGTERM)

    first.run(during=deleted)
    assert first.named("user").code == DELETED
    reached = json.loads((first.run_folder / "output" / "checkpoint" / "state.json").read_text())["epochs"]
    second = pods(asked)
    assert [c.code for c in second.run()] == [0, 0, 0, 0]
    said = second.named("user").log
    assert f"going on after epoch {reached}" in said
    assert "epoch 3 of 12" not in said
    record = cold_trainer.record(_ended(second))
    assert record.chosen["reported"]["epochs"] == 12
    left = [i.key for i in cold_trainer.store.list("registry/team/m/runs/") if "/checkpoint/" in i.key]
    assert left == []


def test_code_that_leaves_no_model_is_told_so(cold_trainer: Trainer, pods: Callable[..., OwnPod]) -> None:
    pod = pods(spec(cold_trainer), code=["true"])
    pod.run()
    assert pod.named("publish").code == ExitCode.USER_CODE
    assert outcome(pod, "publish").reason == "ModelMissing"


def test_refused_data_ends_the_pod_before_the_code(cold_trainer: Trainer, pods: Callable[..., OwnPod]) -> None:
    asked = spec(cold_trainer)
    asked["data"]["expectations"] = [{"minRows": 100000}]
    pod = pods(asked)
    pod.run()
    assert [c.name for c in pod.ended] == ["fetch", "agent"]
    assert pod.named("fetch").code == ExitCode.DATA_REFUSED
    assert outcome(pod, "fetch").reason == "ExpectationFailed"


def _ended(pod: OwnPod) -> Ended:
    last = pod.named("publish")
    return Ended(last.code, outcome(pod, "publish"), last.log)
