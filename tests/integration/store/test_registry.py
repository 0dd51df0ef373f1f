"""Runs, aliases, verdicts and owners: written once, found again, and put right by whoever repeats a killed writer."""

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from perennial.api.records.owner import OwnerRecord
from perennial.store import ObjectStore
from perennial.store.errors import Corrupt, NotFound, StorageOwnedByOther
from perennial.store.evaluations import evaluation_digest
from perennial.store.owner import check_owner, claim_owner
from perennial.store.registry import Registry, models
from tests.support.faulty_store import FaultyStore, Killed, killed_at
from tests.support.run_records import run_record

AT = "2026-03-01T14:00:00Z"
ONE, TWO = run_record("one"), run_record("two")
HERE = OwnerRecord(cluster="c1", namespace="team", namespace_uid="n1", since=AT)


@pytest.fixture
def registry(store: ObjectStore) -> Registry:
    return Registry(store, "team", "flights")


def test_a_published_run_is_found_by_digest_and_by_run_key(registry: Registry) -> None:
    assert registry.runs.publish(ONE) == ONE
    assert registry.runs.read(ONE.run_digest) == ONE
    assert registry.runs.find(ONE.run_key) == ONE
    assert registry.runs.read(TWO.run_digest) is None
    assert registry.runs.find(TWO.run_key) is None


def test_the_first_attempt_that_publishes_a_run_wins(registry: Registry) -> None:
    registry.runs.publish(ONE)
    late = run_record("one", attempt="a pod that came back from the dead")
    assert registry.runs.publish(late) == ONE
    assert registry.runs.read(ONE.run_digest).attempt == ONE.attempt


def test_a_run_key_that_led_to_an_unfinished_run_is_led_to_the_finished_one(registry: Registry) -> None:
    registry.runs.point(ONE.run_key, "sha256:" + "0" * 64)
    assert registry.runs.find(ONE.run_key) is None
    registry.runs.publish(ONE)
    assert registry.runs.find(ONE.run_key) == ONE


def test_a_run_key_stays_with_the_finished_run_that_it_led_to_first(registry: Registry) -> None:
    registry.runs.publish(ONE)
    assert registry.runs.point(ONE.run_key, TWO.run_digest) == ONE.run_digest
    assert registry.runs.find(ONE.run_key) == ONE


def test_files_of_an_attempt_come_back_verified(registry: Registry, store: ObjectStore, tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(b"a model")
    file = registry.runs.upload(ONE.run_digest, "pod-1", "model.skops", tmp_path / "there")
    assert (file.bytes, file.key.startswith("runs/")) == (7, True)
    registry.runs.download(file, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == registry.runs.content(file) == b"a model"
    store.put(registry.keys.absolute(file.key), b"another")
    with pytest.raises(Corrupt):
        registry.runs.download(file, tmp_path / "again")
    with pytest.raises(Corrupt, match="says"):
        registry.runs.content(file)
    assert list(registry.runs.digests()) == [ONE.run_digest]


def test_a_broken_run_json_is_told_with_its_key_and_fault(registry: Registry, store: ObjectStore) -> None:
    store.put(registry.keys.run(ONE.run_digest), b'{"runDigest": 1}')
    with pytest.raises(Corrupt, match=r"run.json is no RunRecord: runDigest: .*string"):
        registry.runs.read(ONE.run_digest)


def test_an_alias_moves_once_a_transition_and_keeps_its_history(registry: Registry) -> None:
    move = registry.aliases.move
    assert registry.aliases.read("approved") is None
    move("approved", number=1, run_digest=ONE.run_digest, by="uid/a", at=AT)
    move("approved", number=2, run_digest=TWO.run_digest, by="uid/b", at=AT)
    again = move("approved", number=1, run_digest=ONE.run_digest, by="uid/a", at="a resync, later")
    assert (again.number, [m.number for m in again.history]) == (2, [1])
    back = move("approved", number=1, run_digest=ONE.run_digest, by="uid/c", at=AT)
    assert (back.number, [m.number for m in back.history]) == (1, [1, 2])
    assert registry.aliases.read("approved") == back
    assert registry.aliases.read("champion") is None


def test_a_move_without_a_transition_is_refused(registry: Registry) -> None:
    with pytest.raises(ValueError, match="identity"):
        registry.aliases.move("approved", number=1, run_digest=ONE.run_digest, by="", at=AT)


def test_the_first_verdict_for_the_same_gates_stays(registry: Registry) -> None:
    gates = [{"metric": "roc_auc", "min": 0.6}]
    key = evaluation_digest(gates, champion=None, holdout="sha256:h")
    assert registry.evaluations.read(ONE.run_digest, key) is None
    assert registry.evaluations.write(ONE.run_digest, key, {"result": "Passed"}) == {"result": "Passed"}
    assert registry.evaluations.write(ONE.run_digest, key, {"result": "Failed"}) == {"result": "Passed"}
    others = {
        evaluation_digest(gates, champion="sha256:c", holdout="sha256:h"),
        evaluation_digest(gates, champion=None, holdout="sha256:i"),
        evaluation_digest([], champion=None, holdout="sha256:h"),
    }
    assert len(others | {key}) == 4
    assert all(registry.evaluations.read(ONE.run_digest, other) is None for other in others)


def test_a_verdict_that_is_no_json_object_is_told(registry: Registry, store: ObjectStore) -> None:
    for body in (b"{", b"[]"):
        store.put(registry.keys.evaluation(ONE.run_digest, "e"), body)
        with pytest.raises(Corrupt):
            registry.evaluations.read(ONE.run_digest, "e")


def test_models_are_listed_without_the_folders_beside_them(store: ObjectStore) -> None:
    for key in ("team/b/runs/x", "team/a/runs/x", "team/_windows/x", "team/_payloads/x", "team/_owner.json", "t/c/x"):
        store.put(key, b"")
    assert sorted(models(store, "team")) == ["a", "b"]


def test_a_registry_belongs_to_who_asked_first(store: ObjectStore) -> None:
    assert claim_owner(store, HERE) == HERE
    assert claim_owner(store, HERE.model_copy(update={"since": "later"})) == HERE
    other = HERE.model_copy(update={"cluster": "c2"})
    with pytest.raises(StorageOwnedByOther, match=r"another cluster .*cluster c1.*expected cluster c2"):
        claim_owner(store, other)
    with pytest.raises(StorageOwnedByOther, match="a former namespace of that name"):
        claim_owner(store, HERE.model_copy(update={"namespace_uid": "n2"}))
    claim_owner(store, OwnerRecord(cluster="c2", namespace="elsewhere", namespace_uid="n1"))


def test_only_the_owner_s_check_passes_and_checking_claims_nothing(store: ObjectStore) -> None:
    with pytest.raises(StorageOwnedByOther, match="no operator has used this registry"):
        check_owner(store, HERE)
    assert list(store.list()) == []
    claim_owner(store, HERE)
    assert check_owner(store, HERE.model_copy(update={"since": "later"})) == HERE
    with pytest.raises(StorageOwnedByOther, match="another cluster"):
        check_owner(store, HERE.model_copy(update={"cluster": "c2"}))


def _life(registry: Registry) -> None:
    """All that happens to a run from its end to its promotion."""
    registry.runs.freeze_request(ONE.run_digest, b"{}")
    registry.runs.publish(ONE)
    registry.versions.claim(ONE.run_digest, "token", at=AT)
    registry.evaluations.write(ONE.run_digest, "e" * 64, {"result": "Passed"})
    registry.versions.set_state(1, "Approved", reasons=["GatesPassed"], at=AT, by="uid/a")
    registry.aliases.move("champion", number=9, run_digest=TWO.run_digest, by="before", at=AT)
    for alias in ("approved", "champion"):
        registry.aliases.move(alias, number=1, run_digest=ONE.run_digest, by="uid/a", at=AT)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("repeated", [False, True], ids=["killed", "answer lost and sent again"])
def test_a_life_killed_at_any_write_and_begun_again_ends_the_same(
    store: ObjectStore, after: bool, repeated: bool
) -> None:
    undisturbed = _contents(store, lambda s: _life(Registry(s, "team", "flights")))
    assert len(undisturbed) == 8
    for write in count(1):
        killed = False

        def life(real: ObjectStore, write: int = write) -> None:
            nonlocal killed
            try:
                _life(
                    Registry(
                        _SentTwice(real, write) if repeated else killed_at(real, write, after=after), "team", "flights"
                    )
                )
            except Killed:
                killed = True
                _life(Registry(real, "team", "flights"))

        assert _contents(store, life) == undisturbed, f"write {write}"
        if not killed and write > len(undisturbed) + 3:
            return


class _SentTwice(FaultyStore):
    """The n-th put is sent again by the client, as after a lost answer."""

    def __init__(self, store: ObjectStore, write: int) -> None:
        super().__init__(store)
        self._again_at = write

    def put(self, key: str, body: bytes, **conditions) -> str:
        etag = super().put(key, body, **conditions)
        return super().put(key, body, **conditions) if self.writes == self._again_at else etag


def _contents(store: ObjectStore, act: Callable[[ObjectStore], None]) -> dict[str, bytes]:
    """What an empty store holds after `act`; empties it again."""
    act(store)
    held = {o.key: store.get(o.key).body for o in store.list()}
    for key in held:
        store.delete(key)
    return held


def test_changing_what_is_not_there_is_told(registry: Registry) -> None:
    with pytest.raises(NotFound, match="00000009"):
        registry.versions.set_state(9, "Approved", reasons=[], at=AT)
