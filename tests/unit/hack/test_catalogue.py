"""The pinned programs and their cache keys."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from hack.localnode.catalogue import ALL, BINARIES, CONTROL_PLANE, MODULES, OPTIONAL, select

ETCD = BINARIES[0]


def _copy(folder: Path) -> Path:
    shutil.copytree(MODULES / ETCD.module, folder / ETCD.module)
    return folder


def test_a_changed_version_changes_the_key(tmp_path: Path) -> None:
    modules = _copy(tmp_path)
    before = ETCD.key(modules)
    assert before == ETCD.key(MODULES)
    file = modules / ETCD.module / "go.mod"
    file.write_text(file.read_text().replace("v3.6.16", "v3.6.17"))
    assert ETCD.key(modules) != before


@pytest.mark.parametrize("change", [{"stamp": "-X a=b"}, {"tags": "x"}, {"cgo": True}])
def test_a_changed_flag_changes_the_key(change: dict[str, object]) -> None:
    assert replace(ETCD, **change).key() != ETCD.key()  # type: ignore[arg-type]


def test_an_estimate_is_not_part_of_the_key() -> None:
    assert replace(ETCD, seconds=1).key() == ETCD.key()


def test_the_control_plane_is_built_before_all_else() -> None:
    assert ALL[: len(CONTROL_PLANE)] == CONTROL_PLANE


def test_names_are_unique_and_every_module_is_pinned() -> None:
    assert len(set(ALL)) == len(ALL)
    for binary in (*BINARIES, *OPTIONAL):
        assert (MODULES / binary.module / "go.sum").exists()


def test_a_selection_keeps_the_build_order() -> None:
    assert [binary.name for binary in select(("kubectl", "etcd"))] == ["etcd", "kubectl"]


def test_what_is_optional_is_built_only_by_name() -> None:
    assert not {binary.name for binary in OPTIONAL} & set(ALL)
    assert [binary.name for binary in select(("jobset", "etcd"))] == ["etcd", "jobset"]


def test_an_unknown_program_is_named() -> None:
    with pytest.raises(KeyError, match="nix"):
        select(("etcd", "nix"))
