"""SHA-256 of files, in the forms that records and the S3 protocol want, and the check of what was read."""

import base64
import hashlib
from pathlib import Path

from perennial.api.identities import bare
from perennial.store.errors import Corrupt


def sha256_of_file(path: Path) -> str:
    """`sha256:<64 hex>` of a file's content, read in pieces."""
    with path.open("rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()


def base64_sha256(digest: str) -> str:
    """A `sha256:<64 hex>` as the S3 protocol writes it."""
    return base64.b64encode(bytes.fromhex(bare(digest))).decode()


def verify_file(path: Path, expected: str, uri: str) -> None:
    """Nothing, if a file's content is the expected. An empty `expected` expects nothing.

    Raises:
        Corrupt: the content has another digest.
    """
    if expected and (found := sha256_of_file(path)) != expected:
        raise Corrupt(f"{uri} reads as {found}, expected {expected}: it was changed after it was recorded")
