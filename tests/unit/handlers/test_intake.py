"""From an event to the keys it concerns."""

import pytest

from perennial.handlers.intake import Intake
from perennial.observe.cache import Cache
from perennial.reconcile.context import Key

TRAINING = Key("ModelTraining", "n", "m")


def own(version: int = 1, kind: str = "ModelTraining", name: str = "m", **labels: str) -> dict:
    meta = {"name": name, "namespace": "n", "uid": f"u-{name}", "resourceVersion": str(version), "labels": labels}
    return {"apiVersion": "perennial.dev/v1alpha1", "kind": kind, "metadata": meta, "spec": {"version": version}}


def pod(version: int = 1, **labels: str) -> dict:
    labels = labels or {"perennial.dev/kind": "ModelTraining", "app.kubernetes.io/instance": "m"}
    meta = {"name": "p", "namespace": "n", "uid": "u-p", "resourceVersion": str(version), "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "status": {"phase": str(version)}}


class Asked(list[Key]):
    def __call__(self, key: Key, seconds: float) -> None:
        assert seconds == 0.0
        self.append(key)


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def intake(asked: Asked) -> Intake:
    return Intake(Cache(), asked, {})


async def test_an_object_of_ours_asks_for_itself(intake: Intake, asked: Asked) -> None:
    await intake.on_event({"type": "ADDED", "object": own()})
    assert asked == [TRAINING]


async def test_a_child_asks_for_the_object_it_was_made_for(intake: Intake, asked: Asked) -> None:
    await intake.on_event({"type": "MODIFIED", "object": pod()})
    assert asked == [TRAINING]


async def test_a_child_that_is_one_of_our_kinds_asks_for_both(intake: Intake, asked: Asked) -> None:
    labels = {"perennial.dev/kind": "RetrainPolicy", "app.kubernetes.io/instance": "policy"}
    await intake.on_event({"type": None, "object": own(**labels)})
    assert asked == [TRAINING, Key("RetrainPolicy", "n", "policy")]


@pytest.mark.parametrize(
    "labels",
    [
        {"perennial.dev/kind": "Secret", "app.kubernetes.io/instance": "m"},
        {"perennial.dev/kind": "ModelTraining"},
        {"x": "y"},
    ],
)
async def test_a_child_without_an_owner_of_ours_asks_for_nobody(intake: Intake, asked: Asked, labels: dict) -> None:
    await intake.on_event({"type": "ADDED", "object": pod(**labels)})
    assert asked == []


async def test_the_same_news_twice_or_old_news_ask_once(intake: Intake, asked: Asked) -> None:
    for version in (2, 2, 1):
        await intake.on_event({"type": "MODIFIED", "object": own(version)})
    assert asked == [TRAINING]


async def test_what_we_wrote_ourselves_asks_for_nothing_when_the_watch_tells_it(asked: Asked) -> None:
    cache = Cache()
    intake = Intake(cache, asked, {})
    cache.upsert(own(3))
    await intake.on_event({"type": "MODIFIED", "object": own(3)})
    assert asked == []


async def test_a_deletion_asks_once(intake: Intake, asked: Asked) -> None:
    await intake.on_event({"type": "ADDED", "object": pod()})
    for _ in range(2):
        await intake.on_event({"type": "DELETED", "object": pod(2)})
    assert asked == [TRAINING, TRAINING]


async def test_objects_that_read_a_changed_one_are_asked_for(asked: Asked) -> None:
    follower = Key("ModelDeployment", "n", "d")
    intake = Intake(Cache(), asked, {"ModelTraining": lambda body, cache: [follower]})
    await intake.on_event({"type": "ADDED", "object": own()})
    assert asked == [TRAINING, follower]


@pytest.mark.parametrize("kind", ["HTTPRoute", "Event", "Lease"])
def test_what_we_wrote_of_a_kind_that_is_not_watched_is_not_kept_for_ever(asked: Asked, kind: str) -> None:
    cache = Cache()
    Intake(cache, asked, {}).wrote(own(kind=kind))
    assert len(cache) == 0
    Intake(cache, asked, {}).wrote(pod())
    assert len(cache) == 1
