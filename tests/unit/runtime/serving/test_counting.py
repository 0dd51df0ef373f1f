import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perennial.api.records.arms import LATENCY_BINS, latency_edge
from perennial.api.records.server import RolloutPlan
from perennial.api.records.signature import InputColumn, OutputTensor, Signature
from perennial.api.records.window import WindowRecord
from perennial.runtime.serving.arms import Arms
from perennial.runtime.serving.counting import cells_for
from perennial.runtime.serving.latency import latency_bin, quantile
from perennial.runtime.serving.metrics import Metrics
from perennial.runtime.serving.plan import PlanFile
from perennial.runtime.serving.shared_windows import Boxes

IDENTITY = {"pod": "p", "boot_id": "b", "version": "7", "plan_errors": 0}


def signature(task: str = "Binary") -> Signature:
    classes = [0, 1] if task == "Binary" else None
    outputs = [OutputTensor(name="predict", datatype="FP64", shape=[-1], default=True)]
    if classes:
        outputs.append(OutputTensor(name="predict_proba", datatype="FP64", shape=[-1, 2]))
    inputs = [InputColumn(name="x", kind="numeric", datatype="FP64")]
    return Signature.model_validate({"task": task, "inputs": inputs, "outputs": outputs, "classes": classes})


@given(st.floats(1e-7, 80))
def test_a_latency_lies_at_most_five_percent_below_its_bins_edge(seconds: float) -> None:
    index = latency_bin(seconds)
    assert seconds <= latency_edge(index) * (1 + 1e-6)
    assert index == 0 or latency_edge(index) <= seconds * 1.0501


def test_quantiles_come_back_within_five_percent_and_the_last_bin_is_open() -> None:
    counts = [0] * LATENCY_BINS
    values = np.random.default_rng(0).lognormal(-6, 1, 5000)
    for value in values:
        counts[latency_bin(value)] += 1
    for share in (0.5, 0.95, 0.99):
        assert math.isclose(quantile(counts, share), np.quantile(values, share), rel_tol=0.06)
    assert latency_bin(1e9) == LATENCY_BINS - 1
    assert math.isnan(quantile([0] * LATENCY_BINS, 0.5))


def test_arms_of_all_workers_add_up_and_a_new_rollout_starts_at_zero() -> None:
    cells = cells_for(2)
    plan = RolloutPlan(rollout="a", weight=5, candidate_url="http://c:80", candidate_version="8")
    workers = []
    for number in range(2):
        cells.attach(number)
        workers.append(Arms(cells, signature()))
        workers[-1].begin(plan)
    for worker in workers:
        worker.own(3, 0.01)
        worker.own(3, 0.02, error=True, timeout=True)
        worker.candidate(4, 5.0, error=True, fallbacks=True)
    report = workers[1].report(plan, "", IDENTITY)
    assert (report.own.requests, report.own.errors, report.own.timeouts, report.weight) == (4, 2, 2, 5)
    assert report.own.slots[3].requests == 4
    assert report.candidate is not None
    assert (report.candidate.requests, report.candidate.fallbacks) == (2, 2)
    other = plan.model_copy(update={"rollout": "b", "weight": 10.0})
    workers[1].begin(other)
    fresh = workers[1].report(other, "", IDENTITY)
    assert (fresh.own.requests, fresh.weight) == (0, None)  # the first worker has not seen it yet


def test_regression_counts_in_the_plans_edges_and_non_finite_apart() -> None:
    arms = Arms(cells_for(1), signature("Regression"))
    plan = RolloutPlan(rollout="r", prediction_edges=[0.0, 10.0])
    arms.begin(plan)
    arms.predicted({"predict": np.array([-1.0, 5.0, 5.0, 50.0, np.nan])}, np.array([0, 1, 1, 2, 3]))
    own = arms.report(plan, "", IDENTITY).own
    assert own.predictions["predict"].counts == [1, 2, 1]
    assert own.predictions["predict"].squares == [1, 4, 1]
    assert own.non_finite == 1


def test_non_finite_scores_count_without_bins_to_count_the_others_in() -> None:
    arms = Arms(cells_for(1), signature("Regression"))
    plan = RolloutPlan(rollout="r")
    arms.begin(plan)
    arms.predicted({"predict": np.array([1.0, np.inf, np.nan])}, np.array([0, 1, 2]))
    own = arms.report(plan, "", IDENTITY).own
    assert (own.non_finite, own.predictions) == (2, {})


@pytest.mark.parametrize("workers", [1, 3])
def test_the_first_requests_of_a_candidate_pod_are_ignored_once_in_its_life_and_never_of_a_stable_one(
    workers: int,
) -> None:
    cells = cells_for(workers)
    arms = []
    for number in range(workers):
        cells.attach(number)
        arms.append(Arms(cells, signature()))
    told = []
    steps = (("a", "Stable"), ("", "Candidate"), ("b", "Candidate"), ("c", "Candidate"), ("d", "Stable"))
    for rollout, role in steps:
        plan = RolloutPlan.model_validate({"rollout": rollout, "role": role})
        for number, one in enumerate(arms):
            cells.attach(number)
            one.begin(plan)
            for _ in range(30):
                one.own(3, 0.01)
        own = arms[0].report(plan, "", IDENTITY).own
        told.append((own.ignored, own.requests))
    cold = -(-50 // workers)  # of each worker
    second = max(cold - 30, 0)
    first = cold - second
    assert told == [
        (0, 30 * workers),
        (first * workers, (30 - first) * workers),
        (second * workers, (30 - second) * workers),
        (0, 30 * workers),
        (0, 30 * workers),
    ]


def test_probabilities_count_in_a_hundred_bins_a_class() -> None:
    arms = Arms(cells_for(1), signature())
    plan = RolloutPlan(rollout="r")
    arms.begin(plan)
    arms.predicted({"predict_proba": np.array([[0.005, 0.995], [0.0, 1.0]])}, np.array([0, 0]))
    counted = arms.report(plan, "", IDENTITY).own.predictions
    assert (counted["0"].counts[0], counted["1"].counts[99], len(counted["1"].counts)) == (2, 2, 100)


def test_metrics_are_prometheus_text_summed_over_workers() -> None:
    cells = cells_for(2)
    for number in range(2):
        cells.attach(number)
        metrics = Metrics(cells, {"model": 'a"b'})
        metrics.request(1, 200, 0.004)
        metrics.set("ready", 1)
    text = metrics.text().decode()
    assert 'perennial_server_requests_total{model="a\\"b",protocol="v2",code="200"} 2' in text
    assert 'perennial_server_request_duration_seconds_bucket{model="a\\"b",le="+Inf"} 2' in text
    assert 'perennial_server_ready{model="a\\"b"} 1' in text
    names = {line.split("{")[0].rsplit(" ")[0] for line in text.splitlines() if not line.startswith("#")}
    described = {line.split(" ")[2] for line in text.splitlines() if line.startswith("# TYPE")}
    assert {n.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for n in names} <= described


def test_a_publication_replaces_the_one_before_and_survives_one_that_is_too_large() -> None:
    boxes = Boxes(2)
    window = WindowRecord(artifact="a", profile="p", start="s", end="e", rows=3)
    assert boxes.read(1) == {}
    assert boxes.write(1, {3600: window})
    assert boxes.write(1, {3600: window.model_copy(update={"rows": 4})}, final=True)
    assert not boxes.write(1, {3600: window.model_copy(update={"scores": [1] * 2_000_000})})
    assert boxes.read(1)[3600].rows == 4
    assert (boxes.is_final(1), boxes.is_final(0), boxes.read(0)) == (True, False, {})


@pytest.mark.parametrize("broken", [b"", b"[]", b'{"weight": -1}', b'{"predictionEdges": ["a"]}'])
def test_the_last_good_plan_stays_in_force(tmp_path: Path, broken: bytes) -> None:
    path = tmp_path / "plan.json"
    plans: list[RolloutPlan] = []
    errors: list[int] = []
    file = PlanFile(path, plans.append, lambda: errors.append(1))
    file.start()
    path.write_bytes(RolloutPlan(rollout="a", weight=5).to_json())
    assert file.look()
    replacement = tmp_path / "new"
    replacement.write_bytes(broken)
    replacement.rename(path)
    assert not file.look()
    assert not file.look()
    assert ([p.rollout for p in plans], len(errors), file.plan.weight) == (["", "a"], 1, 5)
