"""Which objects a data URI means."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import pytest

from perennial.api.identities import data_digest
from perennial.store import ObjectStore, open_store
from perennial.store.errors import AccessDenied, BucketMissing, EmptyDataSet
from perennial.store.inputs import find_inputs, format_of, list_inputs
from tests.support.s3 import S3

KEYS = (
    "flights/2013-01.parquet",
    "flights/2013-02.parquet",
    "flights/year=2014/a.parquet",
    "flights/readme.csv",
    "flights/_SUCCESS",
    "flights/.hidden/x.parquet",
    "flights/_delta_log/0.json",
    "flights-old/2012-01.parquet",
)


class Place:
    """A store with data and how to name it from outside."""

    def __init__(self, store: ObjectStore, env: Mapping[str, str] | None) -> None:
        self.store, self.env = store, env
        for key in KEYS:
            store.put(key, key.encode())

    def list(self, path: str, *args: str | None) -> list[str]:
        return [o.key for o in list_inputs(f"{self.store.uri}/{path}", *args, env=self.env)]


@pytest.fixture
def place(store: ObjectStore, request: pytest.FixtureRequest) -> Place:
    env = request.getfixturevalue("s3").env() if store.uri.startswith("s3:") else None
    return Place(store, env)


@pytest.mark.parametrize("path", ["flights/", "flights"])
def test_a_folder_is_all_objects_below_it_in_order_but_hidden_ones(place: Place, path: str) -> None:
    assert place.list(path) == ["2013-01.parquet", "2013-02.parquet", "readme.csv", "year=2014/a.parquet"]


@pytest.mark.parametrize(
    ("include", "expected"),
    [
        ("*.parquet", ["2013-01.parquet", "2013-02.parquet", "year=2014/a.parquet"]),
        ("**/*.parquet", ["2013-01.parquet", "2013-02.parquet", "year=2014/a.parquet"]),
        ("2013-0[2-9].parquet", ["2013-02.parquet"]),
        ("year=2014/*", ["year=2014/a.parquet"]),
    ],
)
def test_include_chooses_by_the_key_below_the_uri(place: Place, include: str, expected: list[str]) -> None:
    assert place.list("flights/", include) == expected


def test_a_format_leaves_out_objects_of_another_one(place: Place) -> None:
    assert place.list("flights/", None, "csv") == ["readme.csv"]
    assert place.list("flights/", None, "parquet") == ["2013-01.parquet", "2013-02.parquet", "year=2014/a.parquet"]


def test_a_uri_of_one_object_is_that_object_under_its_name(place: Place) -> None:
    found = find_inputs(f"{place.store.uri}/flights/2013-01.parquet", env=place.env)
    assert [o.key for o in found.objects] == ["2013-01.parquet"]
    assert found.store.get("2013-01.parquet").body == b"flights/2013-01.parquet"


def test_each_object_has_its_size_and_a_mark_of_its_content(place: Place) -> None:
    (found,) = list_inputs(f"{place.store.uri}/flights/", "2013-01*", env=place.env)
    body = b"flights/2013-01.parquet"
    assert found.size == len(body)
    assert found.etag or found.sha256 == hashlib.sha256(body).hexdigest()


def test_the_data_digest_follows_the_content_and_not_the_place(place: Place) -> None:
    def digest(path: str) -> str:
        return data_digest(list_inputs(f"{place.store.uri}/{path}", env=place.env))

    before = digest("flights/")
    for key in KEYS[:4]:
        place.store.put(key.replace("flights/", "copy/"), key.encode())
    assert digest("copy/") == before
    place.store.put("copy/2013-01.parquet", b"changed, of the same".ljust(len(KEYS[0]))[: len(KEYS[0])])
    assert digest("copy/") != before
    place.store.put("flights/new.parquet", b"")
    assert digest("flights/") != before


@pytest.mark.parametrize(
    ("path", "include", "said"),
    [
        ("flight/", None, r"no object under .*flight/: put the data there"),
        ("flights/", "*.pqt", r"none of the 4 objects under .* matches include '\*.pqt'; .* 2013-01.parquet"),
    ],
)
def test_nothing_found_is_told_with_the_uri_the_pattern_and_what_is_there(
    place: Place, path: str, include: str | None, said: str
) -> None:
    with pytest.raises(EmptyDataSet, match=said):
        place.list(path, include)


@pytest.mark.s3
def test_a_misspelt_bucket_is_told_with_the_nearest_one(s3: S3) -> None:
    s3.bucket("datasets-of-the-team")
    with pytest.raises(BucketMissing, match="did you mean 'datasets-of-the-team'"):
        list_inputs("s3://dataset-of-the-team/flights/", env=s3.env())
    with pytest.raises(BucketMissing) as told:
        list_inputs("s3://quite-another-name/", env=s3.env())
    assert "did you mean" not in str(told.value)


@pytest.mark.s3
def test_a_stranger_is_told_that_it_may_not_look(s3: S3) -> None:
    with pytest.raises(AccessDenied):
        list_inputs(f"s3://{s3.bucket()}/flights/", env=s3.env("stranger"))


def test_a_folder_with_a_space_in_its_name_works_as_file_uri(tmp_path: Path) -> None:
    open_store((tmp_path / "a b").as_uri()).put("c d.csv", b"x")
    assert [o.key for o in list_inputs((tmp_path / "a b").as_uri())] == ["c d.csv"]
    assert [o.key for o in list_inputs((tmp_path / "a b" / "c d.csv").as_uri())] == ["c d.csv"]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("a.parquet", "parquet"),
        ("x/a.PQ", "parquet"),
        ("a.csv.gz", "csv"),
        ("a.ndjson", "jsonl"),
        ("a.txt", None),
        ("parquet", None),
        ("dir.csv/file", None),
    ],
)
def test_a_suffix_means_a_format(key: str, expected: str | None) -> None:
    assert format_of(key) == expected
