"""Reading a zip that may be hostile: every bound is checked before a byte is unpacked.

Only what canonical.py writes is accepted: stored entries with flat names, each once, none overlapping another.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping

from perennial.runtime.artifacts.errors import HostileArtifact

MAX_ENTRIES = 200_000
MAX_UNPACKED = 8 << 30  # bytes; what a server of ours could hold
MAX_RATIO = 200  # of deflated entries; numbers compress less than that, bombs a thousandfold
NAME = re.compile(r"[A-Za-z0-9_-]{1,80}\.(json|npy|npz|bin)")


def read_archive(body: bytes, *, deflated: bool = False, limit: int = MAX_UNPACKED) -> Mapping[str, bytes]:
    """All entries of a zip, name → bytes.

    Args:
        deflated: whether compressed entries are accepted (files of others; ours are stored).
        limit: of the unpacked size of all entries together, in bytes.

    Raises:
        HostileArtifact: not such a zip.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            entries = archive.infolist()
            _check(entries, body, deflated, limit)
            return {entry.filename: archive.read(entry) for entry in entries}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError, OSError) as error:
        raise HostileArtifact(f"not a readable zip: {error}") from None


def _check(entries: list[zipfile.ZipInfo], body: bytes, deflated: bool, limit: int) -> None:
    if len(entries) > MAX_ENTRIES:
        raise HostileArtifact(f"{len(entries)} entries, expected at most {MAX_ENTRIES}")
    names = [entry.filename for entry in entries]
    if len(set(names)) != len(names):
        raise HostileArtifact("an entry name occurs twice")
    allowed = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) if deflated else (zipfile.ZIP_STORED,)
    for entry in entries:
        if not NAME.fullmatch(entry.filename) or entry.filename != entry.orig_filename:
            raise HostileArtifact(f"entry name {entry.orig_filename[:100]!r}: expected letters, digits and one suffix")
        if entry.compress_type not in allowed or entry.flag_bits & 0x1:
            raise HostileArtifact(f"entry {entry.filename}: compressed or encrypted, expected stored")
        if entry.file_size > MAX_RATIO * max(entry.compress_size, 1 << 10):
            raise HostileArtifact(
                f"entry {entry.filename}: unpacks to {entry.file_size} bytes of {entry.compress_size}"
            )
        if entry.compress_type == zipfile.ZIP_STORED and entry.file_size != entry.compress_size:
            raise HostileArtifact(f"entry {entry.filename}: stored, but its two sizes differ")
    if sum(entry.file_size for entry in entries) > limit:
        raise HostileArtifact(f"unpacks to more than {limit} bytes")
    if sum(entry.compress_size for entry in entries) > len(body):
        raise HostileArtifact("entries overlap")
