import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from perennial.runtime.training import rowhash

CELLS = st.one_of(st.none(), st.text(max_size=8))


def table(rows: list[tuple[object, object]]) -> pa.Table:
    return pa.table(
        {"a": pa.array([r[0] for r in rows], pa.string()), "b": pa.array([r[1] for r in rows], pa.string())}
    )


@given(st.lists(st.tuples(CELLS, CELLS), max_size=30), st.randoms())
def test_a_rows_hash_does_not_depend_on_its_neighbours_or_the_order_of_columns(rows, random):
    hashes = rowhash.of_rows(table(rows), ["a", "b"], salt="m")
    order = list(range(len(rows)))
    random.shuffle(order)
    moved = rowhash.of_rows(table([rows[i] for i in order]), ["b", "a"], salt="m")
    assert moved.tolist() == [hashes[i] for i in order]


def test_the_hash_of_known_rows_never_changes():
    known = pa.table({"n": [1, 2, None], "t": ["a", None, "ü"]})
    assert rowhash.of_rows(known, ["n", "t"], salt="flight-delays").tolist() == [
        15597177551393601375,
        980658594191375796,
        8623698415423429427,
    ]


def test_a_value_hashes_alike_in_every_width_that_holds_it():
    forms = [pa.int8(), pa.int64(), pa.uint16(), pa.float64(), pa.float32()]
    hashes = {tuple(rowhash.of_rows(pa.table({"x": pa.array([0, 1, 7], form)}), ["x"], salt="s")) for form in forms}
    assert len(hashes) == 1


def test_minus_zero_is_zero_and_nan_is_missing():
    plain = rowhash.of_rows(pa.table({"x": pa.array([0.0, None])}), ["x"], salt="s")
    odd = rowhash.of_rows(pa.table({"x": pa.array([-0.0, float("nan")])}), ["x"], salt="s")
    assert plain.tolist() == odd.tolist()


def test_values_swapped_between_two_columns_are_another_row():
    hashes = rowhash.of_rows(table([("p", "q"), ("q", "p")]), ["a", "b"], salt="m")
    assert hashes[0] != hashes[1]


def test_the_salt_makes_another_hash():
    rows = table([("p", "q")] * 1)
    assert rowhash.of_rows(rows, ["a", "b"], salt="m")[0] != rowhash.of_rows(rows, ["a", "b"], salt="n")[0]


def test_instants_hash_alike_in_every_unit_and_zone():
    moment = np.array(["2026-03-01T10:00:00"], dtype="datetime64[s]")
    units = [
        pa.array(moment).cast(pa.timestamp(u, tz=z)) for u in ("s", "us", "ns") for z in (None, "UTC", "Asia/Tokyo")
    ]
    assert len({int(rowhash.of_rows(pa.table({"t": u}), ["t"], salt="s")[0]) for u in units}) == 1


def test_fractions_are_uniform_enough_to_split_by():
    fractions = rowhash.fraction(rowhash.of_rows(pa.table({"x": np.arange(100_000)}), ["x"], salt="s"))
    counts = np.histogram(fractions, bins=10, range=(0, 1))[0]
    # χ² with 9 degrees of freedom: 27.9 is its 99.9 % quantile
    assert ((counts - 10_000) ** 2 / 10_000).sum() < 27.9


def test_the_digest_of_a_hold_out_ignores_the_order_of_its_rows():
    hashes = np.array([3, 1, 2], dtype=np.uint64)
    assert rowhash.digest(hashes) == rowhash.digest(hashes[::-1])
    assert rowhash.digest(hashes) != rowhash.digest(hashes[:2])
