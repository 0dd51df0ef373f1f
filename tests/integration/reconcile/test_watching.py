"""Drift and performance end to end: from what servers left in storage to a challenger, and to knowing better."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from perennial.api.fields import format_time, parse_time
from perennial.api.identities import bare
from perennial.api.records.drift_report import DriftReport
from perennial.stats.windows import ACKNOWLEDGED_FOR
from tests.integration.reconcile.test_retrain import children, status_of, watched
from tests.integration.reconcile.test_training import condition, in_namespace
from tests.integration.reconcile.traffic import HOUR, Served, hours_ago, serve
from tests.integration.reconcile.world import API, World, policy, training

pytestmark = [pytest.mark.apiserver, pytest.mark.s3, pytest.mark.timeout(600)]

DRIFT = {"drift": {}}
FEW = {"cooldown": "0s", "minNewLabelledRows": 200}


def timed(
    count: int, start: datetime, step: timedelta, *, learnable: bool = True, missing: float = 0.0, seed: int = 1
) -> bytes:
    """A CSV with a time column; y follows a, or a coin; a is missing in a share of the rows."""
    source = random.Random(seed)
    lines = ["t,a,b,y"]
    for i in range(count):
        a, b = source.gauss(0, 1), source.gauss(0, 1)
        y = int(a + source.gauss(0, 0.5) > 0) if learnable else source.randint(0, 1)
        known = "" if i < missing * count else f"{a:.4f}"
        lines.append(f"{(start + i * step).strftime('%Y-%m-%dT%H:%M:%SZ')},{known},{b:.4f},{y}")
    return ("\n".join(lines) + "\n").encode()


async def trained(world: World, **spec: Any) -> None:
    """A training with a time column, and its first version."""
    world.put("rows.csv", timed(400, hours_ago(400), HOUR * 0.9))
    data = {"train": {"uri": world.data}, "target": "y", "features": {"timeColumn": "t"}}
    await world.apply(in_namespace(world, training(data=data, **spec)))
    await world.settle()


def after(onset: datetime, **more: Any) -> bytes:
    """300 labelled rows after an onset."""
    return timed(300, onset + timedelta(seconds=1), timedelta(seconds=20), seed=7, **more)


async def test_drift_waits_for_labels_counts_them_and_makes_a_child_that_contains_them(world: World) -> None:
    await trained(world)
    served = await serve(world)
    await watched(world, deploymentRef={"name": "d"}, triggers=DRIFT, brakes=FEW, data={"last": "60d"})
    assert condition(await status_of(world), "DriftDetected")["reason"] == "InsufficientData"
    for hours in (7, 6, 5):
        served.requests(hours_ago(hours), shift=3.0)
    await world.settle()
    status = await status_of(world)
    assert status["drift"]["state"] == "Drifted", status
    assert status["drift"]["worst"][0]["feature"] == "a"
    assert status["drift"]["since"] == hours_ago(7).strftime("%Y-%m-%dT%H:%M:%SZ")
    report = status["drift"]["report"]
    assert status["next"]["blockedBy"] == ["NewLabels"]
    assert "0 labelled rows lie after the onset, 200 are needed" in condition(status, "RetrainAllowed")["message"]
    assert await children(world) == []
    assert await world.settle() == []
    served.requests(hours_ago(4), shift=3.0)  # later windows move on, the onset does not
    world.put("new.csv", after(hours_ago(7)))
    await world.settle()
    status = await status_of(world)
    assert len(status["runs"]) == 1, status
    (child,) = await children(world)
    train = child["spec"]["data"]["train"]
    assert train["digest"].startswith("sha256:")
    newest = hours_ago(7) + timedelta(seconds=1 + 299 * 20)
    assert datetime.fromisoformat(train["to"]) == newest + timedelta(seconds=1)
    assert child["status"]["data"]["rows"] == 700
    (run,) = status["runs"]
    assert (run["trigger"], run["outcome"], run["version"]) == ("Drift", "Approved", 2)
    assert status["drift"]["report"] == report  # one alarm, one report
    assert_report(world, served, report)
    # the challenger has had these rows: a second one waits for newer ones
    assert status["next"]["blockedBy"] == ["NewLabels"]
    assert len([name for name in world.jobs_run if "-count-" in name]) == 3
    assert await world.settle() == []


def assert_report(world: World, served: Served, uri: str) -> None:
    """The page and its JSON lie next to the windows, and name what moved first."""
    key = uri.removeprefix(f"s3://{world.bucket}/")
    assert key.startswith(f"registry/{served.keys.windows}_reports/")
    found = DriftReport.from_json(world.store.get(key.removesuffix("html") + "json").body)
    assert (found.columns[0].name, found.columns[0].drifted, found.model) == ("a", True, "m")
    assert b"What changed, first to last" in world.store.get(key).body


async def test_a_person_gets_a_report_of_quiet_windows_once_for_each_wish(world: World) -> None:
    await trained(world)
    served = await serve(world)
    served.requests(hours_ago(5))
    await watched(world, deploymentRef={"name": "d"}, triggers=DRIFT)
    assert "report" not in (await status_of(world))["drift"]
    asked = in_namespace(world, policy(deploymentRef={"name": "d"}, triggers=DRIFT))
    asked["metadata"]["annotations"] = {"perennial.dev/drift-report": "1"}
    await world.apply(asked)
    await world.settle()
    status = await status_of(world)
    assert "/_reports/" in status["drift"]["report"]
    assert status["acted"]["perennial.dev/drift-report"] == "1"
    assert await world.settle() == []


async def test_broken_requests_hold_a_run_until_the_training_data_passes_its_own_checks(world: World) -> None:
    await trained(world)
    served = await serve(world)
    for hours in (7, 6, 5):
        served.requests(hours_ago(hours), missing=0.3)
    world.put("new.csv", after(hours_ago(7), missing=0.3))
    brakes = {"cooldown": "0s", "budget": {"cpuHours": 10}}
    await watched(world, deploymentRef={"name": "d"}, triggers={"newData": {}, **DRIFT}, brakes=brakes)
    status = await status_of(world)
    assert "runs" not in status
    assert "DataQuality" in status["next"]["blockedBy"]
    assert status["quality"]["features"] == ["a"]
    assert "a: 30.00% missing, 0.00% in the reference" in status["quality"]["message"]
    assert status["budget"]["tasks"][0]["cpuSeconds"] > 0
    assert status["budget"]["usedCPUHours"] > 0
    began = status["quality"]["since"]
    served.requests(hours_ago(4), missing=0.3)
    await world.settle()
    assert (await status_of(world))["quality"]["since"] == began
    world.put("new.csv", after(hours_ago(7)))
    await world.settle()
    status = await status_of(world)
    assert [r["trigger"] for r in status["runs"]] == ["NewData"]
    assert "passes its own checks" in status["quality"]["message"]
    assert len([name for name in world.jobs_run if "-check-" in name]) == 2
    assert await world.settle() == []


async def test_after_a_refused_challenger_the_same_drift_is_acknowledged_and_only_another_one_counts(
    world: World,
) -> None:
    await trained(world, evaluation={"gates": [{"metric": "roc_auc", "min": 0.75}]})
    served = await serve(world)
    world.put("new.csv", after(hours_ago(20), learnable=False))
    for hours in (20, 19, 18):
        served.requests(hours_ago(hours), shift=3.0)
    await watched(world, deploymentRef={"name": "d"}, triggers=DRIFT, brakes=FEW)
    status = await status_of(world)
    (run,) = status["runs"]
    assert run["outcome"] == "Refused"
    assert run["drifted"]["artifact"] == served.keys.artifact_digest
    assert status["drift"]["state"] == "Acknowledged", status["drift"]
    until = parse_time(run["drifted"]["to"]) + ACKNOWLEDGED_FOR
    assert status["drift"]["message"].endswith(f"until {format_time(until)}")
    served.requests(hours_ago(17), shift=3.0)
    await world.settle()
    assert (await status_of(world))["drift"]["state"] == "Acknowledged"
    assert len(await children(world)) == 1
    assert await world.settle() == []
    for hours in (16, 15):
        served.requests(hours_ago(hours), shift=-3.0)
    await world.settle()
    assert (await status_of(world))["drift"]["state"] == "Drifted"
    world.put("newer.csv", after(hours_ago(16)))
    await world.settle()
    assert [r["trigger"] for r in (await status_of(world))["runs"]] == ["Drift", "Drift"]


async def test_a_deployment_that_serves_a_run_by_its_address_is_not_watched_and_the_policy_says_why(
    world: World,
) -> None:
    await trained(world)
    served = await serve(world)
    for hours in (7, 6, 5):
        served.requests(hours_ago(hours), shift=3.0)
    stable = (await world.get("ModelDeployment", "d"))["status"]["stable"]
    model = {"uri": f"{world.uri}/{world.namespace}/m/runs/{bare(stable['runDigest'])}/"}
    await world.apply(
        {
            "apiVersion": API,
            "kind": "ModelDeployment",
            "metadata": {"name": "d", "namespace": world.namespace},
            "spec": {"model": {**model, "digest": stable["artifact"]}},
        }
    )
    await watched(world, deploymentRef={"name": "d"}, triggers={"newData": {}, **DRIFT}, brakes=FEW)
    status = await status_of(world)
    ready = condition(status, "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "SpecInvalid")
    assert "ModelDeployment d serves a run by its address" in ready["message"]
    assert "drift" not in status
    world.put("new.csv", after(hours_ago(7)))
    await world.settle()
    assert [r["trigger"] for r in (await status_of(world))["runs"]] == ["NewData"]
    assert await world.settle() == []


async def judged(world: World, label: Callable[[float], int]) -> dict[str, Any]:
    """Two days of predictions with labels that follow from the score; the policy's status."""
    labels = f"s3://{world.bucket}/datasets/{world.namespace}/labels/"
    served = await serve(world, labels={"uri": labels, "idColumn": "id", "delay": "1h"})
    source, known = random.Random(3), ["id,y"]
    for day in (60, 36):
        for start in (hours_ago(day), hours_ago(day - 23)):
            served.requests(start)
            scores = [source.random() for _ in range(120)]
            known += [f"{i},{label(s)}" for i, s in zip(served.scores(start, scores), scores, strict=True)]
    world.store.put(f"datasets/{world.namespace}/labels/a.csv", ("\n".join(known) + "\n").encode())
    trigger = {"metric": "roc_auc", "min": 0.8, "minLabels": 100}
    brakes = {"cooldown": "1h", "minNewLabelledRows": 0}
    await watched(world, deploymentRef={"name": "d"}, triggers={"performance": trigger}, brakes=brakes)
    return await status_of(world)


async def test_performance_that_is_lost_in_two_cohorts_makes_one_child(world: World) -> None:
    await trained(world)
    coin = random.Random(5)
    status = await judged(world, lambda _: coin.randint(0, 1))
    performance = status["performance"]
    assert performance["state"] == "Lost", performance
    assert performance["upper"] < 0.8
    assert [c["labels"] for c in performance["judged"]] == [240, 240]
    (run,) = status["runs"]
    assert run["trigger"] == "Performance"
    assert len([name for name in world.jobs_run if "-joinl-" in name]) == 2
    assert await world.settle() == []


async def test_performance_above_its_floor_is_clear_and_starts_nothing(world: World) -> None:
    await trained(world)
    noise = random.Random(6)
    status = await judged(world, lambda score: int(score + noise.gauss(0, 0.1) > 0.5))
    assert status["performance"]["state"] == "Clear", status["performance"]
    assert "runs" not in status


async def test_a_performance_trigger_without_labels_says_what_is_missing(world: World) -> None:
    await trained(world)
    await serve(world)
    await watched(world, deploymentRef={"name": "d"}, triggers={"performance": {"metric": "roc_auc", "min": 0.8}})
    told = condition(await status_of(world), "Ready")
    assert told["reason"] == "SpecInvalid"
    assert "ModelDeployment d has no spec.monitoring.labels" in told["message"]
