"""A store is tested before it is trusted: against a real server, and the same behind a proxy that drops conditions."""

from pathlib import Path

import pytest

from perennial.store import ObjectStore, open_store
from perennial.store.errors import AccessDenied, BucketMissing, Unreachable
from perennial.store.probe import Safe, Unsafe, probe
from tests.support.s3 import S3
from tests.support.s3_proxy import ignoring_headers


def test_a_store_that_keeps_conditions_is_safe_and_left_as_it_was(store: ObjectStore) -> None:
    store.put("kept", b"1")
    assert probe(store) == Safe()
    assert [o.key for o in store.list()] == ["kept"]


@pytest.mark.s3
@pytest.mark.parametrize(
    ("ignored", "named"),
    [
        ({"if-none-match"}, "If-None-Match"),
        ({"if-match"}, "If-Match"),
        ({"if-match", "if-none-match"}, "If-None-Match"),
    ],
)
def test_a_server_that_ignores_a_condition_is_unsafe_and_the_reason_names_it(
    s3: S3, ignored: set[str], named: str
) -> None:
    bucket = s3.bucket()
    with ignoring_headers(s3.env(), ignored) as env:
        found = probe(open_store(f"s3://{bucket}/registry", env))
    assert isinstance(found, Unsafe)
    assert f"with {named}" in found.reason
    assert f"s3://{bucket}/registry" in found.reason
    assert list(open_store(f"s3://{bucket}", s3.env()).list()) == []


@pytest.mark.s3
def test_the_proxy_itself_changes_nothing_else(s3: S3) -> None:
    with ignoring_headers(s3.env(), set()) as env:
        assert probe(open_store(f"s3://{s3.bucket()}/registry", env)) == Safe()


@pytest.mark.s3
def test_a_store_that_cannot_be_asked_is_neither_safe_nor_unsafe(s3: S3) -> None:
    with pytest.raises(BucketMissing):
        probe(open_store("s3://no-such-bucket/registry", s3.env()))
    with pytest.raises(AccessDenied):
        probe(open_store(f"s3://{s3.bucket()}/registry", s3.env("reader")))
    nobody = {**s3.env(), "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9"}
    with pytest.raises(Unreachable):
        probe(open_store("s3://bucket/registry", nobody))


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(Exception, match="cannot write"):
        probe(open_store((tmp_path / "file" / "registry").as_uri()))
