"""Talks to the node's containerd through `ctr`: which images it has, and giving it new ones."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

from .failure import Failure
from .node_files import containerd_socket
from .place import Place


class Containerd:
    """The images of one node; its socket crosses the network namespace, so all of this runs on the host's side."""

    def __init__(self, place: Place) -> None:
        self._ctr = [str(place.bin / "ctr"), f"--address={containerd_socket(place)}", "--namespace=k8s.io"]

    def answers(self) -> bool:
        return subprocess.run([*self._ctr, "version"], capture_output=True, check=False).returncode == 0

    def images(self) -> set[str]:
        """Full names of all images, as `localhost/name:tag`."""
        return set(self._output("images", "ls", "-q").split())

    def blobs(self) -> set[str]:
        """Digests of everything in the content store, `sha256:…`."""
        return set(self._output("content", "ls", "-q").split())

    def load(self, archive: Path) -> None:
        """Import a file that `docker save` or `buildah push docker-archive:` or `oci-archive:` wrote."""
        with archive.open("rb") as stream:
            self.load_stream(stream)

    def load_stream(self, stream: IO[bytes]) -> None:
        """Import an archive from an open file or pipe.

        Raises Failure with what containerd says.
        """
        run = subprocess.run(self._import(), stdin=stream, capture_output=True, check=False)
        if run.returncode != 0:
            raise Failure(f"containerd does not take the image: {run.stderr.decode(errors='replace').strip()}")

    def load_from(self, write: Callable[[IO[bytes]], int]) -> int:
        """Import the archive that `write` writes into the stream it is given; returns what it returns.

        Raises Failure with what containerd says.
        """
        pipe = subprocess.PIPE
        importing = subprocess.Popen(self._import(), stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT)
        assert importing.stdin is not None
        assert importing.stdout is not None
        written = 0
        with suppress(BrokenPipeError):  # containerd's own words below say why it stopped listening
            written = write(importing.stdin)
        with suppress(BrokenPipeError):
            importing.stdin.close()
        said = importing.stdout.read().decode(errors="replace").strip()
        importing.stdout.close()
        if importing.wait() != 0:
            raise Failure(f"containerd does not take the image: {said}")
        return written

    def _import(self) -> list[str]:
        return [*self._ctr, "images", "import", "--local", "--snapshotter=overlayfs", "-"]

    def _output(self, *arguments: str) -> str:
        run = subprocess.run([*self._ctr, *arguments], capture_output=True, text=True, check=False)
        if run.returncode != 0:
            raise Failure(f"ctr {' '.join(arguments)}: {run.stderr.strip()} (is the node up? `hack/cluster status`)")
        return run.stdout
