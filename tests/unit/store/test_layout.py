"""Every key of the registry, written out: they are costly to change once objects are stored."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from perennial.store import layout
from perennial.store.layout import ModelKeys, WindowKeys

RUN = "ab" * 32
KEYS = ModelKeys("team", "flights")
WINDOWS = WindowKeys("team", "uid-1", f"sha256:{RUN}")
AT = datetime(2026, 3, 1, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    ("key", "written"),
    [
        (layout.owner("team"), "team/_owner.json"),
        (KEYS.run_pointer("cd" * 32), f"team/flights/runs/keys/{'cd' * 32}.json"),
        (KEYS.log("job-1", "pod-1"), "team/flights/logs/job-1/pod-1.txt"),
        (KEYS.request(RUN), f"team/flights/runs/{RUN}/request.json"),
        (KEYS.attempt(RUN, "pod-1"), f"team/flights/runs/{RUN}/attempts/pod-1/"),
        (KEYS.attempt(RUN, "pod-1", "model.skops"), f"team/flights/runs/{RUN}/attempts/pod-1/model.skops"),
        (KEYS.checkpoint(RUN), f"team/flights/runs/{RUN}/checkpoint/"),
        (KEYS.checkpoint(RUN, "pod-1", "00000003"), f"team/flights/runs/{RUN}/checkpoint/pod-1/00000003"),
        (KEYS.run(RUN), f"team/flights/runs/{RUN}/run.json"),
        (KEYS.version_of_run(RUN), f"team/flights/runs/{RUN}/version.json"),
        (KEYS.evaluation(RUN, "ef" * 32), f"team/flights/evaluations/{RUN}/{'ef' * 32}.json"),
        (KEYS.version(7), "team/flights/versions/00000007.json"),
        (KEYS.version(123456789), "team/flights/versions/123456789.json"),
        (KEYS.alias("approved"), "team/flights/aliases/approved.json"),
        (KEYS.alias("champion"), "team/flights/aliases/champion.json"),
        (WINDOWS.window(AT, "p-1", "b0"), f"team/_windows/uid-1/{RUN}/20260301T140000Z/p-1-b0.json"),
        (WINDOWS.total(AT), f"team/_windows/uid-1/{RUN}/20260301T140000Z/_sum.json"),
        (WINDOWS.payload(AT, "p-1", 3), f"team/_payloads/uid-1/{RUN}/20260301T140000Z/p-1-3.parquet"),
    ],
)
def test_a_key_is_exactly_as_the_layout_says(key: str, written: str) -> None:
    assert key == written


def test_a_digest_with_its_prefix_makes_the_same_key_as_a_bare_one() -> None:
    assert KEYS.run(f"sha256:{RUN}") == KEYS.run(RUN)
    assert KEYS.evaluation(f"sha256:{RUN}", f"sha256:{RUN}") == KEYS.evaluation(RUN, RUN)


def test_keys_in_records_are_relative_to_the_model() -> None:
    key = KEYS.attempt(RUN, "pod-1", "model.skops")
    assert KEYS.relative(key) == f"runs/{RUN}/attempts/pod-1/model.skops"
    assert KEYS.absolute(KEYS.relative(key)) == key


@pytest.mark.parametrize("number", [1, 7, 99_999_999, 100_000_000])
def test_a_version_s_number_is_read_back_from_its_key(number: int) -> None:
    assert KEYS.version_number(KEYS.version(number)) == number


@pytest.mark.parametrize(
    "key",
    [
        "team/flights/versions/7.json",
        "team/flights/versions/00000007.json.bak",
        "team/flights/versions/runs/versions/00000007.json",
        "team/other/versions/00000007.json",
        "00000007.json",
    ],
)
def test_another_key_has_no_version_number(key: str) -> None:
    assert KEYS.version_number(key) is None


def test_a_slot_is_named_in_utc_and_read_back() -> None:
    berlin = datetime(2026, 3, 1, 15, tzinfo=timezone(timedelta(hours=1)))
    assert layout.slot_name(berlin) == layout.slot_name(AT) == "20260301T140000Z"
    assert layout.slot_start("20260301T140000Z") == AT
    assert layout.slot_start("runs") is None
    with pytest.raises(ValueError, match="needs a zone"):
        layout.slot_name(datetime(2026, 3, 1, 14))


def test_slots_sort_as_text_as_they_do_in_time() -> None:
    times = [AT + timedelta(minutes=17 * i) for i in range(2000)]
    assert sorted(map(layout.slot_name, times)) == [layout.slot_name(t) for t in times]
