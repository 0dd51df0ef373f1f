"""Claims of versions: one a run, whoever claims, however often, wherever somebody dies."""

import threading
from collections import Counter
from contextlib import suppress
from itertools import count
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perennial.api.records.run import VersionRecord
from perennial.store import ObjectStore, open_store
from perennial.store.errors import Conflict, NotFound, StorageError, Unreachable
from perennial.store.registry import Registry
from tests.support.faulty_store import FaultyStore, Killed, failing_first, killed_at
from tests.support.run_records import run_record

AT = "2026-03-01T14:00:00Z"
ONE, TWO, THREE = (run_record(name) for name in ("one", "two", "three"))


def registry(store: ObjectStore) -> Registry:
    return Registry(store, "team", "flights")


def published(store: ObjectStore, *runs) -> Registry:
    found = registry(store)
    for run in runs or (ONE,):
        found.runs.publish(run)
    return found


def assert_one_version_each(store: ObjectStore) -> dict[str, int]:
    """Every version that is not Abandoned is the one that its run names, and no run has two."""
    found = registry(store)
    alive = [v for v in found.versions.all() if v.state != "Abandoned"]
    assert max(Counter(v.run_digest for v in alive).values(), default=1) == 1, alive
    for version in alive:
        assert found.versions.of_run(version.run_digest) == version
    return {v.run_digest: v.number for v in alive}


def test_versions_count_from_one_in_the_order_of_claims(store: ObjectStore) -> None:
    versions = published(store, ONE, TWO).versions
    assert versions.claim(ONE.run_digest, "a", at=AT).number == 1
    assert versions.claim(TWO.run_digest, "b", at=AT).number == 2
    assert versions.of_run(TWO.run_digest).number == 2
    assert versions.numbers() == [1, 2]


def test_a_run_that_has_a_version_keeps_it_whoever_claims_again(store: ObjectStore) -> None:
    versions = published(store).versions
    first = versions.claim(ONE.run_digest, "a", at=AT, image="sha256:ran")
    assert first.image == "sha256:ran"
    assert versions.claim(ONE.run_digest, "a", at="later") == first
    assert versions.claim(ONE.run_digest, "another", at="later", image="sha256:other") == first
    assert versions.numbers() == [1]


def test_files_that_a_trainer_can_slip_in_below_versions_count_for_nothing(store: ObjectStore) -> None:
    versions = published(store).versions
    store.put("team/flights/versions/runs/versions/00000099.json", b"forged")
    assert versions.claim(ONE.run_digest, "a", at=AT).number == 1
    assert versions.numbers() == [1]


def test_a_run_without_run_json_gets_no_version(store: ObjectStore) -> None:
    published(store, TWO)
    with pytest.raises(NotFound, match="only a finished run"):
        registry(store).versions.claim(ONE.run_digest, "a", at=AT)
    assert registry(store).versions.numbers() == []


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("token", ["the same", "another"])
def test_a_claimer_killed_at_any_write_leaves_one_version_to_the_next(
    store: ObjectStore, after: bool, token: str
) -> None:
    published(store)
    for write in count(1):
        faulty = killed_at(store, write, after=after)
        try:
            registry(faulty).versions.claim(ONE.run_digest, "the same", at=AT)
        except Killed:
            assert registry(store).versions.claim(ONE.run_digest, token, at=AT).number == 1
            assert registry(store).versions.numbers() == [1]
            _forget(store)
            continue
        assert write == 3, "a claim is two writes; if it has become more, every one of them was tried above"
        return


def _forget(store: ObjectStore) -> None:
    for key in [o.key for o in store.list() if "/version" in o.key]:
        store.delete(key)


@pytest.mark.parametrize("place", [(write, when) for write in (1, 2) for when in ("before", "after")])
@pytest.mark.parametrize("others", [(ONE,), (TWO,), (ONE, TWO), (TWO, ONE)], ids=["same", "other", "both", "both2"])
@pytest.mark.parametrize("ends", ["goes on", "dies and comes again"])
def test_a_claimer_that_pauses_at_any_write_while_others_claim_ends_with_one_version_a_run(
    store: ObjectStore, place: tuple[int, str], others: tuple, ends: str
) -> None:
    published(store, ONE, TWO)

    def meanwhile(number: int, _: str) -> None:
        if number == place[0]:
            for run in others:
                registry(store).versions.claim(run.run_digest, f"other {run.run_digest}", at=AT)
            if ends != "goes on":
                raise Killed

    faulty = FaultyStore(store, **{place[1]: meanwhile})
    try:
        registry(faulty).versions.claim(ONE.run_digest, "mine", at=AT)
    except Killed:
        registry(store).versions.claim(ONE.run_digest, "mine", at=AT)
    assert set(assert_one_version_each(store)) == {run.run_digest for run in (ONE, *others)}


def test_who_is_refused_by_the_run_abandons_its_number(store: ObjectStore) -> None:
    published(store, ONE, TWO)

    def other_claims_the_next_number(number: int, _: str) -> None:
        if number == 1:  # our versions/1.json is about to be written: another run takes 1, another claimer of ours 2
            registry(store).versions.claim(TWO.run_digest, "two", at=AT)
            registry(store).versions.claim(ONE.run_digest, "rival", at=AT)
            store.put("team/flights/versions/00000002.json", _pending(2, TWO.run_digest))

    faulty = FaultyStore(store, before=other_claims_the_next_number)
    assert registry(faulty).versions.claim(ONE.run_digest, "mine", at=AT).number == 2
    assert registry(store).versions.read(3).state == "Abandoned"
    assert registry(store).versions.read(3).token == "mine"


def test_a_number_taken_meanwhile_for_the_same_run_is_ours_too(store: ObjectStore) -> None:
    published(store)

    def rival_dies_after_its_first_write(number: int, _: str) -> None:
        if number == 1:
            with suppress(Killed):
                registry(killed_at(store, 1, after=True)).versions.claim(ONE.run_digest, "rival", at=AT)

    faulty = FaultyStore(store, before=rival_dies_after_its_first_write)
    assert registry(faulty).versions.claim(ONE.run_digest, "mine", at=AT).token == "rival"
    assert registry(store).versions.numbers() == [1]


def _pending(number: int, run_digest: str) -> bytes:
    return VersionRecord(number=number, run_digest=run_digest, token="made by the test").to_json()


def test_an_answer_that_was_lost_is_not_taken_for_a_refusal(store: ObjectStore) -> None:
    published(store)

    class Repeating(FaultyStore):
        """What a client does whose first answer was lost: it sends the same put again and is told 412."""

        def put(self, key, body, **conditions):
            super().put(key, body, **conditions)
            return super().put(key, body, **conditions)

    assert registry(Repeating(store)).versions.claim(ONE.run_digest, "mine", at=AT).number == 1
    assert registry(store).versions.numbers() == [1]


def test_conflicts_are_tried_again_and_silence_is_told(store: ObjectStore) -> None:
    published(store)
    with pytest.raises(Unreachable):
        registry(failing_first(store, 1, Unreachable, after=True)).versions.claim(ONE.run_digest, "mine", at=AT)
    assert registry(failing_first(store, 3, Conflict)).versions.claim(ONE.run_digest, "mine", at=AT).number == 1
    assert registry(store).versions.numbers() == [1]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([ONE, TWO, THREE]),
            st.sampled_from(["a", "b"]),
            st.integers(1, 4),
            st.booleans(),
        ),
        max_size=10,
    )
)
def test_any_sequence_of_killed_claims_ends_with_one_version_a_run(deaths) -> None:
    with TemporaryDirectory() as folder:
        store = open_store(f"file://{folder}")
        found = published(store, ONE, TWO, THREE)
        for run, token, write, after in deaths:
            try:
                registry(killed_at(store, write, after=after)).versions.claim(run.run_digest, token, at=AT)
            except Killed:
                continue
        for run in (ONE, TWO, THREE):
            found.versions.claim(run.run_digest, "last", at=AT)
        assert sorted(assert_one_version_each(store).values()) == [1, 2, 3]


@pytest.mark.parametrize("rounds", [1, pytest.param(20, marks=pytest.mark.soak)])
def test_twenty_threads_claiming_ten_runs_make_ten_versions(store: ObjectStore, rounds: int) -> None:
    for number in range(rounds):
        runs = [run_record(f"{number}-{i}") for i in range(10)]
        published(store, *runs)
        got = _claimed_together(store, [runs[i % 10].run_digest for i in range(20)])
        assert len(got) == 20
        assert len(set(got)) == 10
    assert len(assert_one_version_each(store)) == 10 * rounds
    assert max(registry(store).versions.numbers()) <= 20 * rounds


def _claimed_together(store: ObjectStore, digests: list[str]) -> list[tuple[str, int]]:
    """Digest and number that each of as many threads got."""
    got: list[tuple[str, int]] = []
    together = threading.Barrier(len(digests))

    def one(i: int, digest: str) -> None:
        together.wait()
        got.append((digest, registry(store).versions.claim(digest, f"claimer {i}", at=AT).number))

    threads = [threading.Thread(target=one, args=(i, digest)) for i, digest in enumerate(digests)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return got


def test_a_judgement_is_recorded_once_with_its_history(store: ObjectStore) -> None:
    versions = published(store).versions
    versions.claim(ONE.run_digest, "a", at=AT)
    for _ in range(2):
        versions.set_state(1, "Refused", reasons=["GateFailed"], at=AT, message="roc_auc", by="uid/1")
    judged = versions.set_state(1, "Approved", reasons=["GatesPassed"], at=AT, by="uid/2")
    assert [e.state for e in judged.history] == ["Pending", "Refused", "Approved"]
    assert versions.read(1) == judged


def test_concurrent_judgements_lose_none(store: ObjectStore) -> None:
    versions = published(store).versions
    versions.claim(ONE.run_digest, "a", at=AT)
    threads = [
        threading.Thread(
            target=versions.set_state, args=(1, "Refused"), kwargs={"reasons": [str(i)], "at": AT, "by": str(i)}
        )
        for i in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(e.reason for e in versions.read(1).history[1:]) == [str(i) for i in range(8)]


def test_an_abandoned_version_stays_abandoned(store: ObjectStore) -> None:
    versions = published(store).versions
    versions.claim(ONE.run_digest, "a", at=AT)
    versions.set_state(1, "Abandoned", reasons=["AnotherClaimWon"], at=AT)
    with pytest.raises(StorageError, match="cannot become Approved"):
        versions.set_state(1, "Approved", reasons=[], at=AT)
    with pytest.raises(NotFound):
        versions.set_state(9, "Approved", reasons=[], at=AT)
