"""Brings built images into the local node. Building them is engines.py's."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from . import oci
from .binaries import cache_dir
from .containerd import Containerd
from .engines import Engine
from .failure import Failure
from .lock import exclusive
from .place import checkout_key
from .progress import say


def layout() -> Path:
    """The folder in which buildah leaves this checkout's images, layer by layer."""
    return cache_dir() / "images" / f"oci-{checkout_key()}"


def send(engine: Engine, name: str, containerd: Containerd) -> None:
    """Give the node an image that the engine has.

    Raises Failure if the engine does not have it, or containerd refuses it.
    """
    began = time.monotonic()
    if engine.name == "buildah":
        with exclusive(layout().with_suffix(".lock"), "an image on its way into the node"):
            sent = _send_layers(engine, name, containerd)
        what = f"{sent / 2**20:.1f} MiB of new layers"
    else:
        _send_archive(engine, name, containerd)
        what = "the whole archive"
    say(f"  {name + ' into the node':<42} {time.monotonic() - began:6.1f} s   {what}")


def _send_layers(engine: Engine, name: str, containerd: Containerd) -> int:
    folder = layout()
    folder.parent.mkdir(parents=True, exist_ok=True)
    _copy(engine, name, folder)
    image = oci.read(folder, name)
    present = containerd.blobs()
    sent = containerd.load_from(lambda stream: oci.write_archive(folder, image, present, stream))
    oci.prune(folder)
    return sent


def _copy(engine: Engine, name: str, folder: Path) -> None:
    """Bring the folder up to date. buildah itself would compress, which takes minutes; skopeo copies as it is."""
    flags = ["--insecure-policy", "copy", "--quiet", "--dest-oci-accept-uncompressed-layers"]
    command = ["skopeo", *flags, f"containers-storage:{name}", f"oci:{folder}:{name}"]
    run = subprocess.run(command, env=os.environ | engine.env, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise Failure(f"{name} cannot be read; is it built (hack/images build)? {run.stderr.strip()}")


def _send_archive(engine: Engine, name: str, containerd: Containerd) -> None:
    saving = subprocess.Popen([*engine.command, "save", name], stdout=subprocess.PIPE)
    assert saving.stdout is not None
    containerd.load_stream(saving.stdout)
    if saving.wait() != 0:
        raise Failure(f"{engine.name} save {name} failed; is it built? hack/images build")
