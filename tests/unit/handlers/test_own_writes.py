"""What our own writes set going: the watch brings nothing new of them."""

from typing import Any

from perennial.handlers.intake import Intake
from perennial.observe.cache import Cache
from perennial.reconcile.context import Key


def body(kind: str = "ModelTraining", version: str = "5", **more: Any) -> dict[str, Any]:
    metadata = {"name": "m", "namespace": "n", "uid": "u", "resourceVersion": version, "labels": {}}
    return {"apiVersion": "perennial.dev/v1alpha1", "kind": kind, "metadata": {**metadata, **more}, "spec": {}}


def intake(asked: list[Key]) -> Intake:
    reader = Key("ModelDeployment", "n", "reader")
    return Intake(Cache(), lambda key, _: asked.append(key), {"ModelTraining": lambda *_: [reader]})


def test_an_object_we_made_is_looked_at_although_its_watch_event_says_nothing_new() -> None:
    asked: list[Key] = []
    intake(asked).wrote(body())
    assert Key("ModelTraining", "n", "m") in asked


def test_a_status_we_wrote_is_told_to_its_readers_and_its_maker_but_not_to_the_one_who_wrote_it() -> None:
    asked: list[Key] = []
    taker = intake(asked)
    labels = {"perennial.dev/kind": "RetrainPolicy", "app.kubernetes.io/instance": "p"}
    taker.wrote(body(labels=labels))
    asked.clear()
    taker.wrote({**body(version="6", labels=labels), "status": {"observedGeneration": 1}})
    assert asked == [Key("RetrainPolicy", "n", "p"), Key("ModelDeployment", "n", "reader")]


def test_a_child_we_applied_asks_for_no_further_look() -> None:
    asked: list[Key] = []
    labels = {"perennial.dev/kind": "ModelDeployment", "app.kubernetes.io/instance": "m"}
    intake(asked).wrote(body("Service", labels=labels))
    assert asked == []
