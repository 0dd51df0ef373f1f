"""An `ObjectStore` over the S3 protocol: conditional puts, checksums, large files in parts.

How the client is set up is in `s3_client`, how failures are told in `s3_errors`.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from boto3.s3.transfer import TransferConfig, create_transfer_manager
from botocore.exceptions import ClientError

from perennial.store.checksums import base64_sha256, sha256_of_file, verify_file
from perennial.store.errors import AccessDenied, Corrupt, NotFound, PreconditionFailed
from perennial.store.objects import BINARY, ObjectInfo, StoredObject, Uploaded, checked_key
from perennial.store.s3_errors import Request, translated

MIB = 1 << 20
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

    def get(self, key: str, *, etag: str = "") -> StoredObject:
        """See `ObjectStore.get`."""
        with self._asked_for("read", key):
            answer = self._client.get_object(**self._address(key), **_unchanged(etag), ChecksumMode="ENABLED")
            return StoredObject(answer["Body"].read(), _bare(answer["ETag"]))

    def get_range(self, key: str, start: int, length: int, *, etag: str = "") -> bytes:
        """See `ObjectStore.get_range`."""
        if length <= 0:
            return b""
        asked = {**self._address(key), **_unchanged(etag), "Range": f"bytes={start}-{start + length - 1}"}
        with self._asked_for("read", key):
            try:
                answer = self._client.get_object(**asked)
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
            conditions["IfMatch"] = f'"{if_match}"'
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
        part = path.with_name(path.name + ".part")
        try:
            with self._asked_for("read", key), create_transfer_manager(self._client, TRANSFER) as manager:
                manager.download(self.bucket, self.prefix + checked_key(key), str(part)).result()
            if etag and (now := _bare(self._head(key)["ETag"])) != etag:
                raise PreconditionFailed(f"{self._uri(key)} has etag {now}, expected {etag}: it was replaced")
            verify_file(part, sha256, self._uri(key))
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

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
        with self._asked_for("look at", key):
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

    @contextmanager
    def _asked_for(self, action: str, key: str) -> Iterator[None]:
        """Of a key that may be missing. AWS tells a key that may list only some prefixes 403 where nothing is."""
        try:
            with self._asked(action, key):
                yield
        except AccessDenied as denied:
            if not self._is_absent(key):
                raise
            raise NotFound(f"cannot {action} {self._uri(key)}: a listing does not show it") from denied

    def _is_absent(self, key: str) -> bool:
        """Whether a listing is allowed and does not show the key. A key sorts first among those that begin with it."""
        name = self.prefix + key
        try:
            with self._asked("list", key):
                answer = self._client.list_objects_v2(Bucket=self.bucket, Prefix=name, MaxKeys=1)
        except AccessDenied:
            return False
        return all(found["Key"] != name for found in answer.get("Contents", ()))

    def _address(self, key: str) -> dict[str, str]:
        return {"Bucket": self.bucket, "Key": self.prefix + checked_key(key)}

    def _uri(self, key: str) -> str:
        return f"s3://{self.bucket}/{self.prefix}{key}"

    def _asked(self, action: str, key: str) -> AbstractContextManager[None]:
        return translated(Request(action, self._uri(key), self._client.meta.endpoint_url))


def _bare(etag: str) -> str:
    return etag.strip('"')


def _unchanged(etag: str) -> dict[str, str]:
    return {"IfMatch": f'"{etag}"'} if etag else {}
