"""A verdict is about the champion that it was judged against: if that changed on the way, nothing is approved."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from perennial.api.records.run import VersionRecord
from perennial.reconcile.training.outcome import Ask, ChampionMoved, conclude
from perennial.store import open_store
from perennial.store.registry import Registry
from perennial.store.versions import Versions
from tests.support.run_records import run_record

NOW = datetime(2026, 6, 1, tzinfo=UTC)
ASK = Ask(gates=(), manual=False, token="u/r", transition="u/r/1", started=NOW, followed=False)


class Raced(Versions):
    """Another operator promotes another version while this one numbers its run."""

    registry: Registry

    def claim(self, *args: Any, **more: Any) -> VersionRecord:
        """As in Versions."""
        self.registry.aliases.move("champion", number=9, run_digest="sha256:" + "9" * 64, by="other", at="2026-06-01")
        return super().claim(*args, **more)


def test_a_champion_that_moves_between_judging_and_approving_is_judged_against_anew(tmp_path: Path) -> None:
    store = open_store(tmp_path.as_uri())
    registry, run = Registry(store, "team", "flights"), run_record()
    registry.runs.publish(run)
    raced = Raced(store, registry.keys)
    raced.registry, calm = registry, registry.versions
    registry.versions = raced
    with pytest.raises(ChampionMoved):
        conclude(registry, run, ASK, NOW)
    assert registry.aliases.read("approved") is None
    version = calm.read(1)
    assert version is not None
    assert version.state == "Pending"
    concluded = conclude(registry, run, ASK, NOW)
    assert (concluded.number, concluded.verdict.state) == (1, "Approved")
