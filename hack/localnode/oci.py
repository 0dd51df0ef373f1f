"""Carries an image from the builder's OCI layout folder into containerd, sending only the layers it does not have.

A change of code is a few hundred kilobytes; the gigabyte of dependencies below it stays where it is.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from .failure import Failure

_REFERENCE = "org.opencontainers.image.ref.name"


@dataclass(frozen=True)
class Image:
    """One image of a layout folder. `small` blobs (manifest, config) are always sent, `layers` only when absent."""

    name: str
    manifest: dict[str, Any]
    small: tuple[str, ...]
    layers: tuple[str, ...]


def read(layout: Path, name: str) -> Image:
    """Find an image by its full name.

    Raises Failure if the folder does not hold it.
    """
    index = json.loads((layout / "index.json").read_text())
    for entry in index["manifests"]:
        if entry.get("annotations", {}).get(_REFERENCE) == name:
            content = json.loads(blob(layout, entry["digest"]).read_text())
            layers = tuple(layer["digest"] for layer in content["layers"])
            return Image(name, entry, (entry["digest"], content["config"]["digest"]), layers)
    raise Failure(f"{layout} holds no image {name}; build it first: hack/images build")


def blob(layout: Path, digest: str) -> Path:
    """The file of a blob, "sha256:…"."""
    algorithm, _, value = digest.partition(":")
    return layout / "blobs" / algorithm / value


def write_archive(layout: Path, image: Image, present: Iterable[str], stream: IO[bytes]) -> int:
    """Write an OCI archive without the layers that are `present` already; returns the bytes of layers written."""
    skip = set(present)
    layers = [digest for digest in image.layers if digest not in skip]
    # containerd names the image by its own annotation; the other is only a tag by the specification.
    named = image.manifest | {"annotations": {"io.containerd.image.name": image.name, _REFERENCE: image.name}}
    index = {"schemaVersion": 2, "manifests": [named]}
    with tarfile.open(fileobj=stream, mode="w|") as tar:
        _add(tar, "oci-layout", json.dumps({"imageLayoutVersion": "1.0.0"}).encode())
        _add(tar, "index.json", json.dumps(index).encode())
        for digest in dict.fromkeys([*image.small, *layers]):
            path = blob(layout, digest)
            tar.add(path, arcname=str(path.relative_to(layout)))
    return sum(blob(layout, digest).stat().st_size for digest in set(layers))


def prune(layout: Path) -> None:
    """Delete the blobs that no image of the folder needs any more."""
    index = json.loads((layout / "index.json").read_text())
    names = [entry.get("annotations", {}).get(_REFERENCE) for entry in index["manifests"]]
    images = [read(layout, name) for name in names if name]
    needed = {digest for image in images for digest in (*image.small, *image.layers)}
    for path in (layout / "blobs" / "sha256").iterdir():
        if f"sha256:{path.name}" not in needed:
            path.unlink()


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))
