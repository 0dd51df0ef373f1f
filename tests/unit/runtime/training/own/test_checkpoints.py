"""A checkpoint is saved whole when it has changed, and the newest whole one comes back."""

import os
from pathlib import Path

import pytest

from perennial.runtime.training.own.checkpoints import Saver, Shelf, marks, restored
from perennial.runtime.training.own.places import Places
from perennial.store import open_store
from perennial.store.layout import ModelKeys

RUN = "sha256:" + "ab" * 32


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    (tmp_path / "registry").mkdir()
    return Shelf(open_store((tmp_path / "registry").as_uri()), ModelKeys("team", "m"), RUN)


def pod(tmp_path: Path, name: str) -> Places:
    places = Places(tmp_path / name / "run", tmp_path / name / "private")
    places.checkpoint.mkdir(parents=True)
    places.private.mkdir()
    return places


def test_what_one_pod_saved_the_next_one_finds(tmp_path: Path, shelf: Shelf) -> None:
    first, second = pod(tmp_path, "first"), pod(tmp_path, "second")
    (first.checkpoint / "deep").mkdir()
    (first.checkpoint / "deep" / "weights").write_bytes(b"\0\1")
    assert Saver(shelf, first, "pod-1").save()
    assert restored(shelf, second) is not None
    assert (second.checkpoint / "deep" / "weights").read_bytes() == b"\0\1"


def test_nothing_is_saved_twice_and_what_was_restored_not_at_all(tmp_path: Path, shelf: Shelf) -> None:
    first, second = pod(tmp_path, "first"), pod(tmp_path, "second")
    (first.checkpoint / "a").write_text("1")
    saver = Saver(shelf, first, "pod-1")
    assert [saver.save(), saver.save()] == [True, False]
    restored(shelf, second)
    assert not Saver(shelf, second, "pod-2", saved=marks(second)).save()


def test_an_empty_folder_and_unfinished_files_are_no_checkpoint(tmp_path: Path, shelf: Shelf) -> None:
    place = pod(tmp_path, "first")
    (place.checkpoint / "weights.tmp").write_text("half")
    assert not Saver(shelf, place, "pod-1").save()
    assert shelf.all() == []


def test_only_the_newest_two_of_a_pod_are_kept(tmp_path: Path, shelf: Shelf) -> None:
    place = pod(tmp_path, "first")
    saver = Saver(shelf, place, "pod-1")
    for number in range(5):
        (place.checkpoint / "a").write_text("x" * number)
        os.utime(place.checkpoint / "a", ns=(0, number))
        assert saver.save()
    assert sorted(info.key[-8:] for info in shelf.all()) == ["00000004", "00000005"]


def test_a_damaged_checkpoint_is_passed_over_for_an_earlier_one(tmp_path: Path, shelf: Shelf) -> None:
    first, second = pod(tmp_path, "first"), pod(tmp_path, "second")
    (first.checkpoint / "a").write_text("whole")
    Saver(shelf, first, "pod-1").save()
    shelf.store.put(shelf.keys.checkpoint(RUN, "pod-9", "00000001"), b"no archive")
    found = restored(shelf, second)
    assert found is not None
    assert "pod-1" in found
    assert (second.checkpoint / "a").read_text() == "whole"


def test_a_first_attempt_finds_nothing(tmp_path: Path, shelf: Shelf) -> None:
    assert restored(shelf, pod(tmp_path, "first")) is None
