"""The last known state, whatever order the news come in."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from perennial.observe.cache import GONE_KEPT, Cache


def pod(name: str = "p", uid: str = "u1", version: int = 1, owner: str = "", phase: str = "Pending") -> dict:
    owners = [{"uid": owner, "controller": True}] if owner else []
    meta = {"name": name, "namespace": "n", "uid": uid, "resourceVersion": str(version), "ownerReferences": owners}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "status": {"phase": phase}}


@pytest.fixture
def cache() -> Cache:
    return Cache()


def phase(cache: Cache, name: str = "p") -> str | None:
    body = cache.get("Pod", "n", name)
    return None if body is None else body["status"]["phase"]


def test_only_a_change_that_matters_is_told(cache: Cache) -> None:
    assert cache.upsert(pod())
    assert not cache.upsert(pod(version=2))
    assert cache.upsert(pod(version=3, phase="Running"))


def test_an_older_version_is_left_aside_unless_it_was_read_for_its_own_sake(cache: Cache) -> None:
    cache.upsert(pod(version=5, phase="Running"))
    assert not cache.upsert(pod(version=4, phase="Pending"))
    assert phase(cache) == "Running"
    assert cache.upsert(pod(version=4, phase="Pending"), trusted=True)
    assert phase(cache) == "Pending"


def test_what_is_gone_is_not_brought_back_by_late_news(cache: Cache) -> None:
    cache.upsert(pod())
    assert cache.remove("Pod", "n", "p", "u1")
    assert not cache.upsert(pod(version=9))
    assert phase(cache) is None


def test_a_successor_is_not_removed_with_its_predecessor(cache: Cache) -> None:
    cache.upsert(pod(uid="u1", version=1))
    cache.upsert(pod(uid="u2", version=2, phase="Running"))
    assert not cache.remove("Pod", "n", "p", "u1")
    assert phase(cache) == "Running"


def test_a_reader_cannot_change_what_another_one_sees(cache: Cache) -> None:
    cache.upsert(pod())
    body = cache.get("Pod", "n", "p")
    assert body is not None
    body["status"]["phase"] = "Failed"
    assert phase(cache) == "Pending"


def test_children_are_found_by_their_controller_and_kind(cache: Cache) -> None:
    cache.upsert(pod("b", "u2", owner="job"))
    cache.upsert(pod("a", "u1", owner="job"))
    cache.upsert(pod("c", "u3", owner="other"))
    assert [b["metadata"]["name"] for b in cache.owned("job")] == ["a", "b"]
    assert cache.owned("job", "Job") == []
    cache.upsert(pod("a", "u1", version=2, owner="other"))
    assert [b["metadata"]["name"] for b in cache.owned("job")] == ["b"]
    cache.remove("Pod", "n", "b", "u2")
    assert cache.owned("job") == []


def test_kinds_are_listed_by_namespace_or_all_together(cache: Cache) -> None:
    cache.upsert(pod("a"))
    elsewhere = pod("b", "u2")
    elsewhere["metadata"]["namespace"] = "m"
    cache.upsert(elsewhere)
    assert cache.names("Pod") == [("Pod", "m", "b"), ("Pod", "n", "a")]
    assert [b["metadata"]["name"] for b in cache.of_kind("Pod", "n")] == ["a"]
    assert cache.names("Job") == []


def test_the_same_version_is_recognised_without_unpacking(cache: Cache) -> None:
    cache.upsert(pod(version=5))
    assert cache.is_known(pod(version=5))
    assert cache.is_known(pod(version=4))
    assert not cache.is_known(pod(version=6))
    assert not cache.is_known(pod(uid="u2", version=5))
    assert cache.is_exactly(pod(version=5))
    assert not cache.is_exactly(pod(version=4))


def test_the_memory_of_the_gone_is_bounded(cache: Cache) -> None:
    for i in range(GONE_KEPT + 10):
        cache.remove("Pod", "n", "p", f"u{i}")
    assert len(cache._gone) == GONE_KEPT


def test_nothing_is_left_of_what_was_removed(cache: Cache) -> None:
    cache.upsert(pod(owner="job"))
    cache.remove("Pod", "n", "p", "u1")
    assert (len(cache), dict(cache._by_kind), dict(cache._by_owner)) == (0, {}, {})


@given(st.permutations(range(1, 8)))
def test_in_whatever_order_the_versions_come_the_newest_stays(order: list[int]) -> None:
    cache = Cache()
    for version in order:
        cache.upsert(pod(version=version, phase=str(version)))
    assert phase(cache) == "7"
