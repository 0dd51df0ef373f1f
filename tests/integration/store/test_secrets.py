"""What a failing store says names the object and the place, and never the key that was used."""

from pathlib import Path

import pytest

from perennial.store import open_store
from perennial.store.errors import AccessDenied, NotFound, StorageError, Unreachable
from tests.support.s3 import S3
from tests.support.s3_proxy import ignoring_headers

SECRET = "a-secret-that-must-not-be-seen"

pytestmark = pytest.mark.s3


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        ({"AWS_SECRET_ACCESS_KEY": SECRET}, AccessDenied),
        ({"AWS_ACCESS_KEY_ID": "AKNOBODY", "AWS_SECRET_ACCESS_KEY": SECRET}, AccessDenied),
        ({"AWS_SECRET_ACCESS_KEY": SECRET, "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9"}, Unreachable),
    ],
)
def test_no_failure_tells_the_secret(
    s3: S3, changed: dict[str, str], kind: type[StorageError], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    env = {**s3.env(), **changed}
    store = open_store(f"s3://{s3.bucket()}/registry", env)
    for call in (lambda: store.get("k"), lambda: store.put("k", b""), lambda: list(store.list())):
        with pytest.raises(kind) as told:
            call()
        assert SECRET not in str(told.value) + caplog.text
        assert store.uri in str(told.value)
        assert env["AWS_ENDPOINT_URL_S3"] in str(told.value)


def test_a_reader_may_read_and_is_told_that_it_may_not_write(s3: S3) -> None:
    bucket = s3.bucket()
    open_store(f"s3://{bucket}", s3.env()).put("k", b"1")
    store = open_store(f"s3://{bucket}", s3.env("reader"))
    assert store.get("k").body == b"1"
    with pytest.raises(AccessDenied, match="policy"):
        store.put("k", b"2")


def test_data_survives_a_restart_of_the_server(s3: S3) -> None:
    store = open_store(f"s3://{s3.bucket()}", s3.env())
    store.put("k", b"kept")
    s3.restart()
    assert store.get("k").body == b"kept"
    store.put("k", b"and writable")


def test_a_missing_key_is_not_found_even_where_the_store_says_forbidden(s3: S3, tmp_path: Path) -> None:
    bucket = s3.bucket()
    open_store(f"s3://{bucket}/registry", s3.env()).put("key-and-more", b"1")
    with ignoring_headers(s3.env(), set(), hides_missing=True) as env:
        store = open_store(f"s3://{bucket}/registry", env)
        assert store.head("key") is None
        for call in (store.get, lambda k: store.get_range(k, 0, 1), lambda k: store.download(k, tmp_path / "f")):
            with pytest.raises(NotFound, match="a listing does not show it"):
                call("key")
        assert store.get("key-and-more").body == b"1"


def test_a_key_that_exists_and_is_forbidden_stays_forbidden(s3: S3) -> None:
    bucket = s3.bucket()
    open_store(f"s3://{bucket}", s3.env()).put("k", b"1")
    with pytest.raises(AccessDenied):
        open_store(f"s3://{bucket}", s3.env("lister")).get("k")
