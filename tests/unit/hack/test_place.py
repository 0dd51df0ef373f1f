"""Two checkouts on one machine share no name."""

from __future__ import annotations

from pathlib import Path

import pytest

from hack.localnode.place import NODE, Place, checkout_key


def test_two_checkouts_share_no_folder_namespace_or_cgroup(tmp_path: Path) -> None:
    one, two = (Place(NODE, checkout_key(tmp_path / name)) for name in ("one", "two"))
    for part in ("state", "run", "bin", "pki", "kubeconfig", "namespace", "cgroup"):
        assert getattr(one, part) != getattr(two, part)


def test_a_link_to_a_checkout_is_the_same_checkout(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.mkdir()
    link.symlink_to(real)
    assert checkout_key(link) == checkout_key(real)


def test_only_the_node_lives_in_a_namespace_of_its_own() -> None:
    assert Place("control").namespace is None
    assert Place(NODE).namespace is not None


def test_state_follows_the_xdg_setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert Place("control").state.is_relative_to(tmp_path)


def test_the_socket_of_containerd_stays_within_the_limit_of_unix_sockets() -> None:
    assert len(f"/run/perennial/{checkout_key()}/{NODE}/containerd.sock.ttrpc") < 108
