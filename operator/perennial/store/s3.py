"""An `ObjectStore` over the S3 protocol; one boto3 client an endpoint and key, shared by all threads.

Path-style addresses, short time-outs, conditional puts. How failures are told is in `s3_errors`.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import boto3
from boto3.s3.transfer import TransferConfig, create_transfer_manager
from botocore.config import Config
from botocore.exceptions import ClientError

from perennial.store.checksums import base64_sha256, sha256_of_file, verify_file
from perennial.store.errors import Corrupt, NotFound, PreconditionFailed
from perennial.store.objects import BINARY, ObjectInfo, StoredObject, Uploaded, checked_key
from perennial.store.s3_errors import Request, translated
from perennial.version import __version__

MIB = 1 << 20
CONNECT_TIMEOUT = 5  # seconds
READ_TIMEOUT = 20  # seconds
ATTEMPTS = 3  # of one request; whoever reconciles comes again anyway
CONNECTIONS = 32  # as many as the operator has storage threads
# Large enough for throughput, small enough that four in memory fit any pod.
TRANSFER = TransferConfig(multipart_threshold=16 * MIB, multipart_chunksize=16 * MIB, max_concurrency=4)


class S3Store:
    """Objects of one bucket under one prefix."""

    def __init__(self, client: Any, bucket: str, prefix: str = "") -> None:
        self._client = client
        self.bucket = bucket
        self.prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""

    @property
    def uri(self) -> str:
        """`s3://bucket/prefix`."""
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    def get(self, key: str) -> StoredObject:
        """See `ObjectStore.get`."""
        with self._asked("read", key):
            answer = self._client.get_object(**self._address(key), ChecksumMode="ENABLED")
            return StoredObject(answer["Body"].read(), _bare(answer["ETag"]))

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """See `ObjectStore.get_range`."""
        if length <= 0:
            return b""
        with self._asked("read", key):
            try:
                answer = self._client.get_object(**self._address(key), Range=f"bytes={start}-{start + length - 1}")
            except ClientError as refused:
                if refused.response["Error"]["Code"] in ("InvalidRange", "416"):
                    return b""
                raise
            return bytes(answer["Body"].read())

    def head(self, key: str) -> ObjectInfo | None:
        """See `ObjectStore.head`."""
        try:
            answer = self._head(key)
        except NotFound:
            return None
        version = answer.get("VersionId", "")
        return ObjectInfo(
            key,
            size=answer["ContentLength"],
            etag=_bare(answer["ETag"]),
            version_id="" if version == "null" else version,
            last_modified=answer["LastModified"].astimezone(UTC),
        )

    def list(self, prefix: str = "", delimiter: str = "") -> Iterator[ObjectInfo]:
        """See `ObjectStore.list`; 1,000 objects a request."""
        for page in self._pages(prefix, delimiter):
            for found in page.get("Contents", ()):
                key = found["Key"].removeprefix(self.prefix)
                if key and not key.endswith("/"):  # folder markers that consoles make are no objects
                    stamp = found["LastModified"].astimezone(UTC)
                    yield ObjectInfo(key, found["Size"], _bare(found["ETag"]), last_modified=stamp)

    def prefixes(self, prefix: str = "") -> Iterator[str]:
        """See `ObjectStore.prefixes`."""
        for page in self._pages(prefix, "/"):
            for found in page.get("CommonPrefixes", ()):
                yield found["Prefix"].removeprefix(self.prefix)

    def put(
        self,
        key: str,
        body: bytes,
        *,
        if_none_match: bool = False,
        if_match: str | None = None,
        content_type: str = BINARY,
    ) -> str:
        """See `ObjectStore.put`."""
        conditions = {"IfNoneMatch": "*"} if if_none_match else {}
        if if_match is not None:
            conditions = {"IfMatch": f'"{if_match}"'}
        with self._asked("write", key):
            try:
                answer = self._client.put_object(
                    **self._address(key), Body=body, ContentType=content_type, ChecksumAlgorithm="SHA256", **conditions
                )
            except ClientError as refused:
                # AWS answers 404 to if-match on a key that is gone; to us it is not what we read.
                if if_match is not None and refused.response["Error"]["Code"] == "NoSuchKey":
                    raise PreconditionFailed(f"{self._uri(key)} is gone; expected etag {if_match}") from refused
                raise
        return _bare(answer["ETag"])

    def put_file(self, key: str, path: Path) -> Uploaded:
        """See `ObjectStore.put_file`. The store checks the SHA-256 of every part as it comes."""
        digest = sha256_of_file(path)
        with self._asked("write", key), create_transfer_manager(self._client, TRANSFER) as manager:
            extra = {"ChecksumAlgorithm": "SHA256", "ContentType": BINARY}
            manager.upload(str(path), self.bucket, self.prefix + checked_key(key), extra).result()
        size = path.stat().st_size
        answer = self._head(key)
        whole = answer.get("ChecksumSHA256", "")  # of parts it is "…-N": each part was checked on arrival
        if answer["ContentLength"] != size or (whole and "-" not in whole and whole != base64_sha256(digest)):
            raise Corrupt(
                f"{self._uri(key)} holds {answer['ContentLength']} bytes, checksum {whole or 'unknown'}, after {path} "
                f"({size} bytes, {digest}) was written: it changed while it was read, or the store lost bytes"
            )
        return Uploaded(key, size, digest, _bare(answer["ETag"]))

    def download(self, key: str, path: Path, *, etag: str = "", sha256: str = "") -> None:
        """See `ObjectStore.download`. All ranges are of one state of the object."""
        with self._asked("read", key), create_transfer_manager(self._client, TRANSFER) as manager:
            manager.download(self.bucket, self.prefix + checked_key(key), str(path)).result()
        if etag and (now := _bare(self._head(key)["ETag"])) != etag:
            path.unlink()
            raise PreconditionFailed(f"{self._uri(key)} has etag {now}, expected {etag}: it was replaced meanwhile")
        verify_file(path, sha256, self._uri(key))

    def delete(self, key: str) -> None:
        """See `ObjectStore.delete`."""
        with self._asked("delete", key):
            self._client.delete_object(**self._address(key))

    def clock(self) -> datetime:
        """See `ObjectStore.clock`: the Date header of a listing under our own prefix."""
        with self._asked("list", ""):
            answer = self._client.list_objects_v2(Bucket=self.bucket, Prefix=self.prefix, MaxKeys=1)
        return parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"]).astimezone(UTC)

    def buckets(self) -> tuple[str, ...]:
        """Names of the buckets that these credentials may list."""
        with self._asked("list the buckets beside", ""):
            return tuple(b["Name"] for b in self._client.list_buckets().get("Buckets", ()))

    def _head(self, key: str) -> dict[str, Any]:
        with self._asked("look at", key):
            answer: dict[str, Any] = self._client.head_object(**self._address(key), ChecksumMode="ENABLED")
            return answer

    def _pages(self, prefix: str, delimiter: str) -> Iterator[dict[str, Any]]:
        asked = {"Bucket": self.bucket, "Prefix": self.prefix + prefix, "Delimiter": delimiter}
        pages = iter(self._client.get_paginator("list_objects_v2").paginate(**asked))
        while True:
            with self._asked("list", prefix):
                page = next(pages, None)
            if page is None:
                return
            yield page

    def _address(self, key: str) -> dict[str, str]:
        return {"Bucket": self.bucket, "Key": self.prefix + checked_key(key)}

    def _uri(self, key: str) -> str:
        return f"s3://{self.bucket}/{self.prefix}{key}"

    def _asked(self, action: str, key: str) -> AbstractContextManager[None]:
        return translated(Request(action, self._uri(key), self._client.meta.endpoint_url))


def s3_client(env: Mapping[str, str]) -> Any:
    """The shared client of the endpoint and key that the AWS_* variables name.

    Without a key in them boto3 looks where it always does (workload identity, profile).
    """
    return _client(
        env.get("AWS_ENDPOINT_URL_S3") or env.get("AWS_ENDPOINT_URL"),
        env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or "us-east-1",
        env.get("AWS_ACCESS_KEY_ID"),
        env.get("AWS_SECRET_ACCESS_KEY"),
        env.get("AWS_SESSION_TOKEN"),
    )


@lru_cache(maxsize=16)
def _client(endpoint: str | None, region: str, access: str | None, secret: str | None, token: str | None) -> Any:
    # A session of its own: boto3's default session is not safe to make clients from in several threads.
    return boto3.session.Session().client(
        "s3",
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=access,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=Config(
            s3={"addressing_style": "path"},
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=READ_TIMEOUT,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            max_pool_connections=CONNECTIONS,
            user_agent_extra=f"perennial/{__version__}",
        ),
    )


def _bare(etag: str) -> str:
    return etag.strip('"')
