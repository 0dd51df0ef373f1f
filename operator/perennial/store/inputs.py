"""Which objects a data URI means: listed, filtered, in a stable order, ready for the data digest. Nothing is read.

Objects of folders get a SHA-256, for folders give no etags in a listing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from urllib.parse import unquote

from perennial.api.data import DataFormat
from perennial.api.identities import InputObject, bare
from perennial.store import open_store
from perennial.store.errors import AccessDenied, BucketMissing, EmptyDataSet, StorageError
from perennial.store.objects import ObjectInfo, ObjectStore
from perennial.store.s3 import S3Store

SUFFIXES: dict[str, DataFormat] = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
}
COMPRESSED = ".gz"


@dataclass(frozen=True, slots=True)
class Inputs:
    """The objects of a data set and the store that their keys are relative to."""

    store: ObjectStore
    objects: tuple[InputObject, ...]  # ascending by key


def list_inputs(
    uri: str, include: str | None = None, data_format: DataFormat | None = None, env: Mapping[str, str] | None = None
) -> list[InputObject]:
    """The objects alone; see `find_inputs`."""
    return list(find_inputs(uri, include, data_format, env).objects)


def find_inputs(
    uri: str, include: str | None = None, data_format: DataFormat | None = None, env: Mapping[str, str] | None = None
) -> Inputs:
    """The data set under a URI: one object, or all below a folder but hidden ones (names or folders in . or _).

    Args:
        uri: `s3://bucket/folder/`, `s3://bucket/object`, or `file:///…`.
        include: glob that the key below the URI must match; `*` also matches `/`, `**/` also nothing.
        data_format: without `include`, objects with the suffix of another format are left out.
        env: AWS_* variables; the process' own if None.

    Raises:
        EmptyDataSet: nothing matches.
        BucketMissing: no such bucket; names the nearest one if the credentials may list buckets.
        StorageError: storage did not answer, or refused.
    """
    single = _single(uri, env)
    if single:
        return single
    store = open_store(uri, env)
    try:
        listed = [info for info in store.list() if not _hidden(info.key)]
    except BucketMissing as missing:
        raise _nearest(missing, store) from missing
    wanted = [info for info in listed if _wanted(info.key, include, data_format)]
    if not wanted:
        raise EmptyDataSet(_nothing(uri, include, data_format, listed))
    found = (_with_mark(store, info) for info in wanted)
    return Inputs(store, tuple(sorted(found, key=lambda o: o.key)))


def format_of(key: str) -> DataFormat | None:
    """The format that a key's suffix means (before `.gz`); None if it means none."""
    name = key.rsplit("/", 1)[-1].lower().removesuffix(COMPRESSED)
    return SUFFIXES.get("." + name.rsplit(".", 1)[-1]) if "." in name else None


def _single(uri: str, env: Mapping[str, str] | None) -> Inputs | None:
    """The data set of one object, if the URI names an object rather than a folder."""
    folder, _, name = uri.rpartition("/")
    if not name or folder in ("s3:/", "file:/", "file://"):
        return None
    store = open_store(folder, env)
    try:
        info = store.head(unquote(name) if uri.startswith("file:") else name)
    except AccessDenied:
        return None  # a key may reach all below a folder and not an object of the folder's name: the listing decides
    return Inputs(store, (_with_mark(store, info),)) if info else None


def _hidden(key: str) -> bool:
    return any(part.startswith((".", "_")) for part in key.split("/"))


def _wanted(key: str, include: str | None, data_format: DataFormat | None) -> bool:
    if include is not None:
        return fnmatchcase(key, include) or fnmatchcase(key, include.replace("**/", ""))
    return data_format is None or format_of(key) in (data_format, None)


def _with_mark(store: ObjectStore, info: ObjectInfo) -> InputObject:
    if isinstance(store, S3Store):
        return InputObject(info.key, info.size, info.etag, info.version_id)
    known = info if info.etag else store.head(info.key)
    if known is None:
        raise EmptyDataSet(f"{store.uri}/{info.key} was deleted while the data set was listed; list it again")
    return InputObject(info.key, known.size, sha256=bare(known.etag))


def _nothing(uri: str, include: str | None, data_format: DataFormat | None, listed: list[ObjectInfo]) -> str:
    if not listed:
        return f"no object under {uri}: put the data there or correct data.train.uri"
    asked = f"matches include {include!r}" if include else f"can be of format {data_format}"
    examples = ", ".join(sorted(info.key for info in listed)[:3])
    return f"none of the {len(listed)} objects under {uri} {asked}; there are for example: {examples}"


def _nearest(missing: BucketMissing, store: ObjectStore) -> BucketMissing:
    if not isinstance(store, S3Store):
        return missing
    try:
        near = get_close_matches(store.bucket, store.buckets(), n=1)
    except StorageError:
        return missing
    return BucketMissing(f"{missing}; did you mean {near[0]!r}?") if near else missing
