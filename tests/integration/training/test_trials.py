"""A search in many pods comes to what the search in one pod comes to, in whatever order its pods run and end."""

import random
from typing import Any

import pytest

from perennial.api.algorithm import Search
from perennial.api.records.run import RunRecord
from perennial.api.records.task import ExitCode
from perennial.api.records.trial import LostTrial
from perennial.api.rounds import rounds
from perennial.store import open_store
from perennial.store.registry import Registry
from tests.integration.training.conftest import HIST, NAMESPACE, Ended, Trainer
from tests.integration.training.test_designs import SPACE, table

pytestmark = pytest.mark.s3


@pytest.fixture
def filled(trainer: Trainer) -> Trainer:
    trainer.put("a.csv", table())
    return trainer


def spec_of(trainer: Trainer, **search: Any) -> dict[str, Any]:
    asked = {"space": SPACE, "trials": 4, "folds": 2, "parallelism": 4, **search}
    return trainer.spec(algorithm={"estimator": HIST, "parameters": {"max_iter": 5}, "search": asked})


def pod(trainer: Trainer, spec: dict[str, Any], number: int, index: int, search: str = "s1", **more: Any) -> Ended:
    task = trainer.task(spec, kind="Trial", parameters={"search": search, "round": number}, **more)
    return trainer.run(task, env={"JOB_COMPLETION_INDEX": str(index)})


def all_rounds(trainer: Trainer, spec: dict[str, Any], **more: Any) -> None:
    """Every pod of every round, in an order that nobody chose."""
    designs = max(1, len(spec["algorithm"].get("candidates", ())))
    order = random.Random(7)
    for number, one in enumerate(rounds(Search.model_validate(spec["algorithm"]["search"]))):
        indexes = list(range(one.trials * designs))
        order.shuffle(indexes)
        for index in indexes:
            assert pod(trainer, spec, number, index, **more).code == ExitCode.OK


def last(trainer: Trainer, spec: dict[str, Any], search: str = "s1", **more: Any) -> Ended:
    return trainer.run(trainer.task(spec, parameters={"search": search}, **more))


def registry(trainer: Trainer, model: str = "m") -> Registry:
    return Registry(open_store(f"s3://{trainer.bucket}/registry", trainer.env), NAMESPACE, model)


def of_the_result(record: RunRecord) -> dict[str, Any]:
    """All of a run that may not depend on where its trials ran."""
    kept = record.model_dump(exclude={"attempt", "files", "cost", "timings", "created_at"})
    return {**kept, "holdout": record.files["holdout_predictions.parquet"].sha256}


def alone(trainer: Trainer, spec: dict[str, Any]) -> RunRecord:
    """The same search in one pod, in a registry of its own."""
    one = {**spec, "algorithm": {**spec["algorithm"], "search": {**spec["algorithm"]["search"], "parallelism": 1}}}
    task = trainer.task(one).model_copy(update={"registry": f"s3://{trainer.bucket}/alone"})
    ended = trainer.run(task)
    assert ended.code == ExitCode.OK, ended.outcome
    assert ended.outcome.run_digest is not None
    found = Registry(open_store(task.registry, trainer.env), NAMESPACE, "m").runs.read(ended.outcome.run_digest)
    assert found is not None
    return found


@pytest.mark.parametrize("strategy", ["random", "halving", "bayesian"])
def test_many_pods_come_to_the_run_that_one_pod_comes_to(filled: Trainer, strategy: str):
    spec = spec_of(filled, strategy=strategy, trials=6 if strategy == "bayesian" else 4)
    all_rounds(filled, spec)
    together, single = filled.record(last(filled, spec)), alone(filled, spec)
    assert of_the_result(together) == of_the_result(single)
    assert together.run_key == single.run_key


def test_the_trials_of_several_candidates_are_told_apart(filled: Trainer):
    spec = spec_of(filled, strategy="grid", space={"max_iter": {"values": [5, 9]}})
    designs = [{"estimator": HIST, "parameters": {"min_samples_leaf": 5}}, {"estimator": HIST}]
    spec["algorithm"] = {"candidates": designs, "search": spec["algorithm"]["search"]}
    all_rounds(filled, spec)
    together = filled.record(last(filled, spec))
    assert len(together.chosen["trials"]) == 4
    assert of_the_result(together) == of_the_result(alone(filled, spec))


def test_the_last_pod_runs_no_trial_again_and_its_cost_is_that_of_all(filled: Trainer):
    spec = spec_of(filled, trials=3)
    all_rounds(filled, spec)
    digest = registry(filled).trials.claimed("s1")
    assert digest is not None
    spent = [r.cost["cpuSeconds"] for r in registry(filled).trials.read_all(digest, {(0, 0), (0, 1), (0, 2)})]
    assert len(spent) == 3
    # what is stored counts, not what running it again would give
    liar = registry(filled).trials.read(digest, (0, 1))
    assert liar is not None
    filled.store.put(
        f"registry/{NAMESPACE}/m/runs/{digest[7:]}/trials/00-00001.json",
        liar.model_copy(update={"score": 0.987654}).to_json(),
    )
    record = filled.record(last(filled, spec))
    assert record.chosen["trials"][1]["score"] == 0.987654
    assert record.cost["cpuSeconds"] > sum(spent)


def test_an_estimator_that_raises_is_a_result_and_scores_worst(filled: Trainer):
    spec = spec_of(filled, strategy="grid", space={"learning_rate": {"values": [0.1, -1]}})
    ended = pod(filled, spec, 0, 1)
    assert (ended.code, ended.outcome.outcome) == (ExitCode.OK, "Failed")
    assert "learning_rate" in ended.outcome.message
    assert pod(filled, spec, 0, 0).outcome.outcome == "Succeeded"
    together = filled.record(last(filled, spec))
    assert together.chosen["parameters"]["learning_rate"] == 0.1
    assert of_the_result(together) == of_the_result(alone(filled, spec))


def test_if_every_trial_raises_the_run_fails_as_in_one_pod(filled: Trainer):
    spec = spec_of(filled, strategy="grid", space={"learning_rate": {"values": [-2, -1]}})
    all_rounds(filled, spec)
    ended = last(filled, spec)
    assert (ended.code, ended.outcome.reason) == (ExitCode.USER_CODE, "UserCode")
    assert "learning_rate" in ended.outcome.message


def test_a_pod_that_is_tried_again_finds_its_result_and_reads_no_data(filled: Trainer):
    spec = spec_of(filled)
    first = pod(filled, spec, 0, 2)
    again = pod(filled, spec, 0, 2)
    assert again.outcome.outcome == "Reused"
    assert "stage fetch" in first.log
    assert "stage fetch" not in again.log


def test_a_lost_trial_scores_worst_in_its_search_and_is_run_in_another(filled: Trainer):
    spec = spec_of(filled, trials=3)
    pod(filled, spec, 0, 0)
    pod(filled, spec, 0, 2)
    digest = registry(filled).trials.claimed("s1")
    assert digest is not None
    lost = LostTrial(design=0, index=1, reason="OutOfMemory", message="killed")
    registry(filled).trials.lose(digest, "s1", 0, [lost])
    # another search of the same run is not bound by what this one has given up
    assert pod(filled, spec, 0, 1, search="s2").outcome.outcome == "Succeeded"
    assert registry(filled).trials.claimed("s2") == digest
    filled.store.delete(f"registry/{NAMESPACE}/m/runs/{digest[7:]}/trials/00-00001.json")
    record = filled.record(last(filled, spec))
    assert [t["score"] is None for t in record.chosen["trials"]] == [False, True, False]
    assert record.chosen["trials"][1]["failure"] == "killed"


def test_data_that_arrives_in_the_middle_of_a_search_is_not_read_by_it(filled: Trainer):
    spec = spec_of(filled, trials=2)
    pod(filled, spec, 0, 0)
    filled.put("b.csv", table(100, start=600))
    pod(filled, spec, 0, 1)
    record = filled.record(last(filled, spec))
    assert record.data.rows == 600
    assert record.data.objects == 1


def test_data_that_is_overwritten_in_the_middle_of_a_search_is_refused_with_what_to_do(filled: Trainer):
    spec = spec_of(filled, trials=2)
    pod(filled, spec, 0, 0)
    filled.put("a.csv", table(500))
    refused = pod(filled, spec, 0, 1)
    assert (refused.code, refused.outcome.reason) == (ExitCode.DATA_REFUSED, "DataChanged")
    assert "perennial.dev/retry" in refused.outcome.message
    assert pod(filled, spec, 0, 1, search="s2").code == ExitCode.OK


def test_a_pod_of_a_later_round_does_not_guess_at_results_that_are_missing(filled: Trainer):
    spec = spec_of(filled, strategy="halving", trials=3)
    pod(filled, spec, 0, 0)
    early = pod(filled, spec, 1, 0)
    assert early.code == ExitCode.INTERNAL
    assert "no result" in early.outcome.message
