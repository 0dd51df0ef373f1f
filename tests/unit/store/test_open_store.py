"""Which store a URI means."""

import pytest

from perennial.store import open_store
from perennial.store.errors import InvalidLocation
from perennial.store.file import FileStore
from perennial.store.s3 import S3Store

ENV = {
    "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1",
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_REGION": "eu-central-1",
}


@pytest.mark.parametrize("uri", ["s3://bucket", "s3://bucket/", "s3://bucket/a/b", "s3://bucket/a/b/"])
def test_an_s3_uri_names_a_bucket_and_a_folder_in_it(uri: str) -> None:
    store = open_store(uri, ENV)
    assert isinstance(store, S3Store)
    assert store.uri == uri.rstrip("/")
    assert store.bucket == "bucket"


def test_a_file_uri_names_a_folder_percent_decoded() -> None:
    store = open_store("file:///tmp/with%20space/x")
    assert isinstance(store, FileStore)
    assert str(store.root) == "/tmp/with space/x"
    assert store.uri == "file:///tmp/with%20space/x"


@pytest.mark.parametrize("uri", ["", "/tmp/x", "s3://", "s3:///x", "file://host/x", "file://x", "gs://bucket/x"])
def test_another_uri_is_refused_with_what_is_expected(uri: str) -> None:
    with pytest.raises(InvalidLocation, match="expected s3://<bucket>/<prefix> or file:///<folder>"):
        open_store(uri, ENV)


def test_stores_of_one_endpoint_and_key_share_a_client_and_others_do_not() -> None:
    one, two = open_store("s3://a", ENV), open_store("s3://b/c", ENV)
    other = open_store("s3://a", {**ENV, "AWS_ACCESS_KEY_ID": "rotated"})
    assert isinstance(one, S3Store)
    assert one._client is two._client
    assert one._client is not other._client
