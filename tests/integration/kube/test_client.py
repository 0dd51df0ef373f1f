"""What our client promises of writes, asked of a real API server."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

import pytest

from perennial.kube import events
from perennial.kube.access import load_access
from perennial.kube.client import PAGE, Kube
from perennial.kube.errors import Conflict, Invalid, NamespaceTerminating, NotFound, NotOwned, Replaced
from perennial.kube.resources import Ref
from perennial.observe.cache import Cache
from perennial.reconcile.relist import prune
from tests.support.apiserver import ApiServer

pytestmark = pytest.mark.apiserver

LABELS = {"app.kubernetes.io/managed-by": "perennial"}


@pytest.fixture
def environment(apiserver: ApiServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("KUBECONFIG", str(apiserver.kubeconfig))
    return


@pytest.fixture
async def kube(environment: None) -> AsyncIterator[Kube]:
    kube = Kube(load_access())
    yield kube
    await kube.close()


def config_map(namespace: str, owner: str = "owner", name: str = "c", **data: str) -> dict:
    owners = [{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": owner, "controller": True}] if owner else []
    meta = {"name": name, "namespace": namespace, "labels": LABELS, "ownerReferences": owners}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def deployment(namespace: str) -> dict:
    labels = {"app": "d"}
    container = {
        "name": "server",
        "image": "localhost/x:1",
        "env": [{"name": "A", "value": ""}, {"name": "B", "value": "1000m"}],
        "ports": [{"name": "http", "containerPort": 8080}],
        "resources": {"requests": {"cpu": "1000m", "memory": "1024Mi"}, "limits": {"memory": "1.5Gi"}},
        "securityContext": {"privileged": False, "capabilities": {"drop": ["ALL"]}},
    }
    pod = {
        "automountServiceAccountToken": False,
        "hostNetwork": False,
        "containers": [container],
        "volumes": [{"name": "scratch", "emptyDir": {"sizeLimit": "0.5Gi"}}, {"name": "other", "emptyDir": {}}],
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": config_map(namespace, name="d")["metadata"],
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}},
    }


async def test_what_was_applied_needs_no_second_apply_however_the_server_writes_it(kube: Kube, namespace: str) -> None:
    manifest = deployment(namespace)
    live = await kube.apply(manifest)
    assert live["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"] == "1"
    assert not kube.apply_needed(manifest, live)
    manifest["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "2"
    assert kube.apply_needed(manifest, live)


async def test_a_field_left_out_of_a_manifest_is_given_up(kube: Kube, namespace: str) -> None:
    live = await kube.apply(config_map(namespace, a="1", b="2"))
    fewer = config_map(namespace, a="1")
    assert kube.apply_needed(fewer, live)
    live = await kube.apply(fewer, live)
    assert live["data"] == {"a": "1"}
    assert not kube.apply_needed(fewer, live)


async def test_an_edit_by_hand_is_seen_and_taken_back(kube: Kube, namespace: str, apiserver: ApiServer) -> None:
    manifest = config_map(namespace, a="1")
    await kube.apply(manifest)
    apiserver.kubectl("patch", "configmap", "c", "-n", namespace, "--type=merge", "-p", '{"data":{"a":"x","z":"y"}}')
    live = await kube.get(Ref.to(manifest))
    assert kube.apply_needed(manifest, live)
    mended = await kube.apply(manifest, live)
    assert mended["data"] == {"a": "1", "z": "y"}


@pytest.mark.parametrize("owner", ["", "somebody"])
@pytest.mark.parametrize("seen", [True, False])
async def test_what_we_did_not_make_is_neither_adopted_nor_changed(
    kube: Kube, namespace: str, owner: str, seen: bool
) -> None:
    foreign = await _foreign(kube, namespace, owner)
    ours = config_map(namespace, a="ours")
    with pytest.raises(NotOwned, match="not ours"):
        await kube.apply(ours, foreign if seen else None)
    with pytest.raises(NotOwned, match="not ours"):
        await kube.create(ours)
    assert (await kube.get(Ref.to(ours)))["data"] == {"a": "theirs"}


async def _foreign(kube: Kube, namespace: str, owner: str) -> dict:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    return dict(await kube.raw("POST", path, body=config_map(namespace, owner, a="theirs")))


async def test_creating_twice_gives_the_first_one(kube: Kube, namespace: str) -> None:
    first = await kube.create(config_map(namespace, a="1"))
    second = await kube.create(config_map(namespace, a="2"))
    assert second["metadata"]["uid"] == first["metadata"]["uid"]
    assert second["data"] == {"a": "1"}


async def test_only_the_object_that_was_meant_is_deleted(kube: Kube, namespace: str) -> None:
    live = await kube.create(config_map(namespace, a="1"))
    ref = Ref.to(live)
    with pytest.raises(Conflict):
        await kube.delete(ref, "another-uid")
    assert await kube.delete(ref, live["metadata"]["uid"])
    assert not await kube.delete(ref, live["metadata"]["uid"])


async def test_an_apply_meant_for_an_object_that_is_gone_makes_no_new_one(kube: Kube, namespace: str) -> None:
    manifest = config_map(namespace, a="1")
    live = await kube.apply(manifest)
    await kube.delete(Ref.to(live), live["metadata"]["uid"])
    with pytest.raises(Conflict):
        await kube.apply(manifest, live)
    with pytest.raises(NotFound):
        await kube.get(Ref.to(live))


async def test_a_status_is_replaced_whole_and_only_on_the_object_that_was_meant(kube: Kube, namespace: str) -> None:
    live = await kube.apply(deployment(namespace))
    ref, uid = Ref.to(live), live["metadata"]["uid"]
    await kube.patch_status(ref, uid, {"observedGeneration": 1, "replicas": 2})
    written = await kube.patch_status(ref, uid, {"observedGeneration": 1})
    assert written["status"] == {"observedGeneration": 1}
    with pytest.raises(Replaced):
        await kube.patch_status(ref, "another-uid", {"replicas": 9})
    with pytest.raises(NotFound):
        await kube.patch_status(Ref("Deployment", namespace, "none"), uid, {})
    assert (await kube.get(ref))["status"] == {"observedGeneration": 1}


async def test_a_status_that_the_schema_refuses_is_invalid_and_not_taken_for_a_replaced_object(
    kube: Kube, namespace: str
) -> None:
    live = await kube.apply(deployment(namespace))
    with pytest.raises(Invalid):
        await kube.patch_status(Ref.to(live), live["metadata"]["uid"], {"replicas": -1})


async def test_annotations_are_merged_on_the_object_that_was_meant(kube: Kube, namespace: str) -> None:
    live = await kube.apply(config_map(namespace, a="1"))
    ref, uid = Ref.to(live), live["metadata"]["uid"]
    live = await kube.merge_annotations(ref, uid, {"x": "1", "y": "2"})
    live = await kube.merge_annotations(ref, uid, {"x": None})
    assert {k: v for k, v in live["metadata"]["annotations"].items() if k in "xy"} == {"y": "2"}
    with pytest.raises((Invalid, Conflict)):
        await kube.merge_annotations(ref, "another-uid", {"x": "1"})


async def test_a_dying_namespace_is_told_apart(kube: Kube, namespace: str, apiserver: ApiServer) -> None:
    await kube.apply(config_map(namespace, a="1"))
    apiserver.kubectl("delete", "namespace", namespace, "--wait=false")
    with pytest.raises(NamespaceTerminating):
        await kube.create(config_map(namespace, name="late"))
    with pytest.raises(NamespaceTerminating):
        await kube.apply(config_map(namespace, name="late"))


async def test_lists_come_in_pages_and_by_label(kube: Kube, namespace: str) -> None:
    for i in range(7):
        await kube.create(config_map(namespace, name=f"c{i}"))
    everything = await kube.list("ConfigMap", namespace)
    labelled = await kube.list("ConfigMap", namespace, labels="app.kubernetes.io/managed-by=perennial")
    assert len(everything) >= len(labelled) == 7
    assert {(b["kind"], b["apiVersion"]) for b in labelled} == {("ConfigMap", "v1")}
    lean = [i async for items, _ in kube.pages("ConfigMap", namespace, metadata_only=True) for i in items]
    assert all("data" not in item for item in lean)
    assert {i["metadata"]["name"] for i in lean} == {b["metadata"]["name"] for b in everything}
    assert PAGE == 500


async def test_the_same_event_told_again_counts_up(kube: Kube, namespace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "QUIET_SECONDS", -1.0)
    live = await kube.apply(config_map(namespace, a="1"))
    for _ in range(3):
        await events.record(kube, live, "Normal", "Made", "Make", "it is made", at=datetime.now(UTC))
    await events.record(kube, live, "Normal", "Made", "Make", "it is made otherwise")
    told = await kube.list("Event", namespace)
    assert sorted((e["note"], (e.get("series") or {}).get("count")) for e in told) == [
        ("it is made", 3),
        ("it is made otherwise", None),
    ]


async def test_pruning_finds_what_no_watch_told(kube: Kube, namespace: str) -> None:
    cache = Cache()
    kube.on_write = cache.upsert
    for name in ("kept", "changed", "deleted"):
        await kube.create(config_map(namespace, name=name, a="1"))
    ghost = cache.get("ConfigMap", namespace, "deleted")
    assert ghost is not None
    kube.on_write = lambda body: None
    await kube.delete(Ref("ConfigMap", namespace, "deleted"), ghost["metadata"]["uid"])
    await kube.apply(config_map(namespace, name="missed", a="1"))
    await kube.raw(
        "PATCH",
        Ref("ConfigMap", namespace, "changed").path(),
        body={"data": {"a": "2"}},
        content_type="application/merge-patch+json",
    )

    news: list[tuple[str, str]] = []
    for _ in range(2):
        repaired = await prune(
            kube,
            cache,
            [namespace],
            seen=lambda body: news.append(("seen", body["metadata"]["name"])),
            gone=lambda body: news.append(("gone", body["metadata"]["name"])),
        )
    assert repaired == 0
    assert sorted(news) == [("gone", "deleted"), ("seen", "changed"), ("seen", "missed")]
    assert [name for _, _, name in cache.names("ConfigMap", namespace)] == ["changed", "kept", "missed"]
