"""The promises of `ObjectStore`, asked of both implementations."""

import hashlib
import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from perennial.store import ObjectStore
from perennial.store.errors import Corrupt, InvalidLocation, NotFound, PreconditionFailed, StorageError

MIB = 1 << 20


def test_what_was_put_is_read_back_with_the_same_etag(store: ObjectStore) -> None:
    etag = store.put("a/b.json", b"{}")
    read = store.get("a/b.json")
    assert (read.body, read.etag) == (b"{}", etag)
    assert store.head("a/b.json").etag == etag


def test_a_missing_key_is_not_found_and_its_head_is_none(store: ObjectStore) -> None:
    store.put("a", b"1")
    with pytest.raises(NotFound, match="nope"):
        store.get("nope")
    with pytest.raises(NotFound):
        store.get_range("nope", 0, 1)
    assert store.head("nope") is None


def test_the_second_if_none_match_put_is_refused_and_changes_nothing(store: ObjectStore) -> None:
    store.put("k", b"first", if_none_match=True)
    with pytest.raises(PreconditionFailed, match="k"):
        store.put("k", b"second", if_none_match=True)
    assert store.get("k").body == b"first"


def test_if_match_takes_the_current_etag_and_refuses_a_stale_one(store: ObjectStore) -> None:
    first = store.put("k", b"1")
    second = store.put("k", b"2", if_match=first)
    with pytest.raises(PreconditionFailed):
        store.put("k", b"3", if_match=first)
    assert store.get("k").body == b"2"
    assert store.get("k").etag == second


def test_if_match_on_a_missing_key_is_refused(store: ObjectStore) -> None:
    with pytest.raises(PreconditionFailed):
        store.put("k", b"1", if_match="0" * 32)
    assert store.head("k") is None


def test_a_deleted_key_is_gone_and_deleting_again_is_no_error(store: ObjectStore) -> None:
    store.put("k", b"1")
    store.delete("k")
    store.delete("k")
    assert store.head("k") is None


@pytest.mark.parametrize(
    ("start", "length", "expected"), [(0, 4, b"0123"), (8, 100, b"89"), (10, 1, b""), (50, 5, b""), (3, 0, b"")]
)
def test_ranges_end_with_the_object(store: ObjectStore, start: int, length: int, expected: bytes) -> None:
    store.put("k", b"0123456789")
    assert store.get_range("k", start, length) == expected


def test_listing_finds_each_key_under_the_prefix_once(store: ObjectStore) -> None:
    keys = {"m/runs/1", "m/runs/2/x", "m/runs-old/3", "m/aliases/a", "n/runs/1"}
    for key in keys:
        store.put(key, key.encode())
    assert sorted(o.key for o in store.list()) == sorted(keys)
    assert sorted(o.key for o in store.list("m/runs")) == ["m/runs-old/3", "m/runs/1", "m/runs/2/x"]
    assert sorted(o.key for o in store.list("m/runs/")) == ["m/runs/1", "m/runs/2/x"]
    assert sorted(o.key for o in store.list("m/runs/", "/")) == ["m/runs/1"]
    assert sorted(store.prefixes("m/")) == ["m/aliases/", "m/runs-old/", "m/runs/"]
    assert sorted(store.prefixes()) == ["m/", "n/"]
    assert list(store.list("other/")) == []


def test_a_listing_tells_size_and_time_by_the_clock_of_the_store(store: ObjectStore) -> None:
    before = datetime.now(UTC) - timedelta(seconds=2)
    store.put("k", b"12345")
    (found,) = store.list()
    assert found.size == 5
    assert before < found.last_modified <= store.clock() + timedelta(seconds=1)


def test_listing_goes_beyond_one_page(store: ObjectStore) -> None:
    keys = [f"p/{i:05}" for i in range(1005)]
    for key in keys:
        store.put(key, b"")
    assert sorted(o.key for o in store.list("p/")) == keys


@pytest.mark.parametrize("size", [0, 1, 5 * MIB, 33 * MIB + 1])
def test_a_file_comes_back_whole_whether_small_or_in_parts(store: ObjectStore, tmp_path: Path, size: int) -> None:
    there, back = tmp_path / "there", tmp_path / "back"
    there.write_bytes(os.urandom(size))
    digest = "sha256:" + hashlib.sha256(there.read_bytes()).hexdigest()
    uploaded = store.put_file("folder/file", there)
    assert (uploaded.size, uploaded.sha256) == (size, digest)
    assert store.head("folder/file").etag == uploaded.etag
    store.download("folder/file", back, etag=uploaded.etag, sha256=digest)
    assert back.read_bytes() == there.read_bytes()


def test_a_download_of_other_content_than_recorded_leaves_no_file(store: ObjectStore, tmp_path: Path) -> None:
    store.put("k", b"tampered")
    with pytest.raises(Corrupt, match="expected sha256:00"):
        store.download("k", tmp_path / "f", sha256="sha256:" + "0" * 64)
    with pytest.raises(PreconditionFailed):
        store.download("k", tmp_path / "f", etag="0" * 32)
    with pytest.raises(NotFound):
        store.download("nope", tmp_path / "f")
    assert list(tmp_path.glob("f*")) == []


@pytest.mark.parametrize("key", ["", "/a", "a//b", "a/../b", "./a", "a/", "é" * 600])
def test_a_key_that_leads_nowhere_is_refused_before_anything_is_asked(store: ObjectStore, key: str) -> None:
    for call in (store.get, store.head, lambda k: store.put(k, b""), store.delete):
        with pytest.raises(InvalidLocation):
            call(key)


@pytest.mark.parametrize("key", ["ü mlaut+plus", "a=b&c?d#e", "100%", "sp ace/x"])
def test_unusual_characters_survive_put_list_and_get(store: ObjectStore, key: str) -> None:
    store.put(key, b"x")
    assert [o.key for o in store.list()] == [key]
    assert store.get(key).body == b"x"


def test_of_twenty_racing_if_none_match_puts_one_wins(store: ObjectStore) -> None:
    for race in range(3):
        won = _race(20, lambda i, key=f"race/{race}": store.put(key, str(i).encode(), if_none_match=True))
        assert len(won) == 1
        assert store.get(f"race/{race}").body == str(won[0]).encode()


def test_of_twenty_racing_if_match_puts_one_wins(store: ObjectStore) -> None:
    etag = store.put("k", b"start")
    won = _race(20, lambda i: store.put("k", str(i).encode(), if_match=etag))
    assert len(won) == 1
    assert store.get("k").body == str(won[0]).encode()


def _race(threads: int, write: Callable[[int], object]) -> list[int]:
    won: list[int] = []
    together = threading.Barrier(threads)

    def one(i: int) -> None:
        together.wait()
        try:
            write(i)
        except StorageError:
            return
        won.append(i)

    started = [threading.Thread(target=one, args=(i,)) for i in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    return won
