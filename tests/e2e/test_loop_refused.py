"""A policy on the real node through a bad month: retrained, refused, backed off, promoted once the month is mended."""

import io
import json
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from examples.flights.prepare import month_name
from hack.demo.data import FOLDER
from tests.support.loop import NAMESPACE, Loop

pytestmark = [pytest.mark.node, pytest.mark.timeout(1200)]

NAME = "late-by-month"
BUCKET = f"datasets/{NAMESPACE}/{NAME}"
API = "perennial.dev/v1alpha1"


def objects() -> list[dict[str, Any]]:
    """The three kinds, with the brakes at their defaults."""
    small = {"resources": {"requests": {"cpu": "100m", "memory": "384Mi"}, "limits": {"memory": "1Gi"}}}
    training = {
        "data": {
            "train": {"uri": f"s3://perennial/{BUCKET}/"},
            "target": "late",
            "features": {"timeColumn": "time", "idColumn": "id"},
        },
        "algorithm": {
            "estimator": "sklearn.ensemble.HistGradientBoostingClassifier",
            "parameters": {"max_iter": 30},
        },
        "evaluation": {"metrics": ["roc_auc"], "gates": [{"metric": "roc_auc", "min": 0.58}]},
        "template": small,
    }
    deployment = {"model": {"name": NAME}, "replicas": 1, "rollout": {"strategy": "Replace", "bake": "5s"}}
    policy = {
        "trainingRef": {"name": NAME},
        "deploymentRef": {"name": NAME},
        "triggers": {"newData": {"minObjects": 1, "pollInterval": "10s"}},
    }
    specs = {"ModelTraining": training, "ModelDeployment": deployment, "RetrainPolicy": policy}
    return [{"apiVersion": API, "kind": k, "metadata": {"name": NAME}, "spec": spec} for k, spec in specs.items()]


def month(number: int, *, broken: bool = False) -> bytes:
    """A month of flights as Parquet; broken: its labels stand at the wrong flights."""
    table = pq.read_table(FOLDER / month_name(number))
    if broken:
        labels = table["late"].to_pylist()
        Random(number).shuffle(labels)
        table = table.set_column(table.schema.get_field_index("late"), "late", pa.array(labels, table["late"].type))
    written = io.BytesIO()
    pq.write_table(table, written)
    return written.getvalue()


def runs(loop: Loop) -> list[dict[str, Any]]:
    """Retrainings that the policy has made."""
    found: list[dict[str, Any]] = loop.get("rtp", NAME).get("status", {}).get("runs", [])
    return found


def stable(loop: Loop) -> int:
    """The version that answers, 0 for none."""
    status = loop.get("mdp", NAME).get("status", {})
    number: int = status.get("stable", {}).get("version", 0)
    return number if not status.get("candidate") else 0


def test_a_policy_is_refused_backs_off_and_is_promoted(loop: Loop, record_property: Any) -> None:
    store = loop.store()
    for number in (1, 2):
        store.put(f"{BUCKET}/{month_name(number)}", month(number))
    for body in objects():
        loop.apply(body)
    loop.until("version 1 answers", lambda: stable(loop) == 1)

    store.put(f"{BUCKET}/{month_name(3)}", month(3, broken=True))
    loop.until("the broken month is refused", lambda: [r["outcome"] for r in runs(loop)] == ["Refused"])
    assert stable(loop) == 1
    child = loop.get("mtr", runs(loop)[0]["training"])
    assert child["status"]["version"]["state"] == "Refused"
    assert child["status"]["gates"][0]["observed"] < 0.58

    store.put(f"{BUCKET}/{month_name(3)}", month(3))
    held = loop.until(
        "the mended month is seen and held back for twice as long",
        lambda: (c := loop.condition("rtp", NAME, "RetrainAllowed")) and "2d after" in c["message"] and c,
    )
    assert (held["status"], held["reason"]) == ("False", "Cooldown")
    assert len(runs(loop)) == 1
    loop.kubectl("annotate", "rtp", NAME, "-n", NAMESPACE, "perennial.dev/retrain=the month is mended")
    loop.until("the mended month is promoted", lambda: [r["outcome"] for r in runs(loop)] == ["Refused", "Promoted"])
    assert stable(loop) == 3
    assert runs(loop)[1]["trigger"] == "Manual"
    store.put(f"{BUCKET}/{month_name(4)}", month(4))
    loop.until(
        "the promotion has ended the doubling",
        lambda: "1d after" in loop.condition("rtp", NAME, "RetrainAllowed").get("message", ""),
    )
    record_property("status", json.dumps(loop.get("rtp", NAME)["status"]))
    for kind in ("rtp", "mdp", "mtr"):
        loop.kubectl("delete", kind, NAME, "-n", NAMESPACE)
