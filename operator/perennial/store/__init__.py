"""Object storage: the run and version layout, content addresses, conditional puts. No Kubernetes, no decisions.

`open_store` is the one door: it turns a URI into an `ObjectStore`.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from perennial.store.errors import InvalidLocation
from perennial.store.file import FileStore
from perennial.store.objects import ObjectInfo, ObjectStore, StoredObject, Uploaded
from perennial.store.s3 import S3Store
from perennial.store.s3_client import s3_client

__all__ = ["ObjectInfo", "ObjectStore", "StoredObject", "Uploaded", "open_store"]


def open_store(uri: str, env: Mapping[str, str] | None = None) -> ObjectStore:
    """The store whose keys begin at `s3://bucket/prefix` or `file:///folder`. Asks nothing of it yet.

    Args:
        uri: where; characters are taken as they are for s3, percent-decoded for file.
        env: AWS_ENDPOINT_URL_S3, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION; the process' own if None.

    Raises:
        InvalidLocation: the URI is neither.
    """
    scheme, _, rest = uri.partition("://")
    if scheme == "s3":
        bucket, _, prefix = rest.partition("/")
        if bucket:
            return S3Store(s3_client(os.environ if env is None else env), bucket, prefix)
    if scheme == "file":
        parts = urlsplit(uri)
        if parts.netloc in ("", "localhost") and parts.path.startswith("/"):
            return FileStore(Path(unquote(parts.path)))
    raise InvalidLocation(f"{uri!r} is no storage URI: expected s3://<bucket>/<prefix> or file:///<folder>")
