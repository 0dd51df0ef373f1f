"""Files of somebody else's making are read where they lie, and nowhere else."""

import os
from pathlib import Path

import pytest

from perennial.runtime.training.own.foreign_files import NotPlain, plain_bytes, plain_files


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "private" / "credentials"
    path.parent.mkdir()
    path.write_text("AWS_SECRET_ACCESS_KEY=hidden")
    return path


@pytest.fixture
def run(tmp_path: Path) -> Path:
    path = tmp_path / "run"
    (path / "output" / "checkpoint" / "deep").mkdir(parents=True)
    return path


def test_a_plain_file_is_read_and_an_absent_one_is_none(run: Path) -> None:
    (run / "output" / "metrics.json").write_text("{}")
    assert plain_bytes(run, "output", "metrics.json", most=10) == b"{}"
    assert plain_bytes(run, "output", "model.skops", most=10) is None
    assert plain_bytes(run, "nowhere", "model.skops", most=10) is None


def test_a_link_to_our_credentials_is_not_followed(run: Path, secret: Path) -> None:
    (run / "output" / "metrics.json").symlink_to(secret)
    with pytest.raises(NotPlain):
        plain_bytes(run, "output", "metrics.json", most=100)


def test_a_folder_that_is_a_link_is_not_entered(run: Path, secret: Path) -> None:
    (run / "other").symlink_to(secret.parent)
    with pytest.raises(NotPlain):
        plain_bytes(run, "other", "credentials", most=100)


def test_a_pipe_is_not_waited_for(run: Path) -> None:
    os.mkfifo(run / "output" / "progress.json")
    with pytest.raises(NotPlain):
        plain_bytes(run, "output", "progress.json", most=100)


def test_a_file_that_is_too_large_is_not_read(run: Path) -> None:
    (run / "output" / "metrics.json").write_bytes(b"x" * 101)
    with pytest.raises(NotPlain, match="101 bytes"):
        plain_bytes(run, "output", "metrics.json", most=100)


def test_a_walk_takes_plain_files_of_all_depths_and_leaves_links_out(run: Path, secret: Path) -> None:
    folder = run / "output" / "checkpoint"
    (folder / "a").write_text("1")
    (folder / "deep" / "b").write_text("2")
    (folder / "link").symlink_to(secret)
    (folder / "folder").symlink_to(secret.parent)
    found = {name: file.read() for name, _, file in plain_files(run, "output", "checkpoint")}
    assert found == {"a": b"1", "deep/b": b"2"}
