"""What is missing on a machine is named, with what to do instead."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from hack.localnode import base_image, host, providers
from hack.localnode.failure import Failure
from hack.localnode.host import Need


@pytest.mark.parametrize(
    ("printed", "version"),
    [("go version go1.26.8 linux/amd64", (1, 26)), ("go version go1.9 linux/arm64", (1, 9)), ("devel", (0, 0))],
)
def test_the_version_of_go_is_read(printed: str, version: tuple[int, int]) -> None:
    assert host.go_version(printed) == version


def _path_with_go(folder: Path, version: str) -> str:
    go = folder / "go"
    go.write_text(f"#!/bin/sh\necho go version {version} linux/amd64\n")
    go.chmod(go.stat().st_mode | stat.S_IXUSR)
    return str(folder)


def test_an_old_go_is_refused_with_both_versions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", _path_with_go(tmp_path, "go1.19.8"))
    with pytest.raises(Failure, match=r"1\.26 or later.*go1\.19\.8.*--provider kind.*--context"):
        host.go_command()


def test_a_new_enough_go_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", _path_with_go(tmp_path, "go1.26.0"))
    assert host.go_command() == str(tmp_path / "go")


def test_missing_packages_are_named_where_they_cannot_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(Failure, match="missing on this machine: no-such-thing"):
        host.require_packages((Need("no-such-thing", "no-such-command"), Need("sh", file="/bin/sh")))


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("./usr/bin/python3", True),
        ("./usr/share/doc/python3/README", False),
        ("./var/cache/apt/x", False),
        ("./dev", True),
    ],
)
def test_the_base_image_leaves_documentation_and_caches_out(path: str, *, kept: bool) -> None:
    assert base_image.is_kept(path) is kept


@pytest.mark.parametrize(("wanted", "context"), [("context", None), ("node", "mine"), ("kind", "mine")])
def test_a_provider_and_a_context_that_do_not_fit_are_refused(wanted: str, context: str | None) -> None:
    with pytest.raises(Failure, match="--context"):
        providers.choose(wanted, context)


def test_a_context_alone_chooses_the_existing_cluster() -> None:
    assert providers.choose("auto", "mine") == "context"
