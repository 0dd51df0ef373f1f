"""The artifact digest: one file's own, or that of the manifest of several. It covers every file that a server loads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from perennial.api.identities import digest_of, sha256_digest
from perennial.runtime.artifacts.errors import DigestMismatch

MODEL_FILES = ("model.skops", "encoder.json", "model.onnx", "model.txt", "model.json")
"""Names of the files that make up an artifact; each is there or not."""


def artifact_digest(files: Mapping[str, bytes]) -> str:
    """`sha256:<64 hex>` of the only file, or of the canonical JSON of {name: digest} of several."""
    digests = {name: sha256_digest(body) for name, body in files.items()}
    return next(iter(digests.values())) if len(digests) == 1 else digest_of({"files": digests})


def read_verified(folder: Path, digest: str | None) -> dict[str, bytes]:
    """The files of an artifact, name → bytes, read once: what was digested is what gets loaded.

    Raises:
        DigestMismatch: no file, or not those that the digest names.
    """
    files = {name: (folder / name).read_bytes() for name in MODEL_FILES if (folder / name).is_file()}
    if not files:
        raise DigestMismatch(f"{folder}: none of {', '.join(MODEL_FILES)}")
    if digest is not None and (found := artifact_digest(files)) != digest:
        raise DigestMismatch(f"{', '.join(files)}: expected artifact {digest}, got {found}")
    return files
