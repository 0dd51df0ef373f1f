"""Only layers that the node lacks are sent."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from hack.localnode import oci
from hack.localnode.failure import Failure

NAME = "localhost/perennial-server:dev"


def _put(layout: Path, content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()
    folder = layout / "blobs" / "sha256"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / digest).write_bytes(content)
    return f"sha256:{digest}"


def _image(layout: Path, layers: list[str]) -> str:
    config = _put(layout, b"{}" + "".join(layers).encode())
    manifest = {"config": {"digest": config}, "layers": [{"digest": layer} for layer in layers]}
    return _put(layout, json.dumps(manifest).encode())


def _index(layout: Path, manifests: dict[str, str]) -> None:
    entries = [
        {"digest": digest, "annotations": {"org.opencontainers.image.ref.name": name}}
        for name, digest in manifests.items()
    ]
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": entries}))


def _names(archive: bytes) -> set[str]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return set(tar.getnames())


def test_a_layer_that_is_present_is_left_out_and_the_rest_is_whole(tmp_path: Path) -> None:
    base, code = _put(tmp_path, b"dependencies"), _put(tmp_path, b"code")
    _index(tmp_path, {NAME: _image(tmp_path, [base, code])})
    image = oci.read(tmp_path, NAME)
    stream = io.BytesIO()
    assert oci.write_archive(tmp_path, image, {base}, stream) == len(b"code")
    blobs = {f"blobs/sha256/{digest.removeprefix('sha256:')}" for digest in (*image.small, code)}
    assert _names(stream.getvalue()) == {"oci-layout", "index.json", *blobs}


def test_the_archive_carries_the_full_name_for_containerd(tmp_path: Path) -> None:
    _index(tmp_path, {NAME: _image(tmp_path, [])})
    stream = io.BytesIO()
    oci.write_archive(tmp_path, oci.read(tmp_path, NAME), (), stream)
    with tarfile.open(fileobj=io.BytesIO(stream.getvalue())) as tar:
        member = tar.extractfile("index.json")
        assert member is not None
        index = json.load(member)
    assert index["manifests"][0]["annotations"]["io.containerd.image.name"] == NAME


def test_an_image_that_was_not_built_is_named_with_the_remedy(tmp_path: Path) -> None:
    _index(tmp_path, {})
    with pytest.raises(Failure, match=f"{NAME}.*hack/images build"):
        oci.read(tmp_path, NAME)


def test_pruning_keeps_what_any_image_needs(tmp_path: Path) -> None:
    shared, old, new = (_put(tmp_path, text) for text in (b"shared", b"old", b"new"))
    _image(tmp_path, [shared, old])
    _index(tmp_path, {NAME: _image(tmp_path, [shared, new]), "other": _image(tmp_path, [shared])})
    oci.prune(tmp_path)
    assert oci.blob(tmp_path, shared).exists()
    assert oci.blob(tmp_path, new).exists()
    assert not oci.blob(tmp_path, old).exists()
    assert oci.read(tmp_path, NAME).layers == (shared, new)
