"""Builds images with the first engine that answers: Docker, Podman, or buildah, which needs no daemon."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from . import base_image, host
from .failure import Failure
from .place import CHECKOUT
from .progress import heartbeat, step

TARGETS = ("operator", "trainer", "server", "s3")
DEFAULT_TAG = "dev"
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def image_name(target: str, tag: str = DEFAULT_TAG) -> str:
    """The full name of one of our images."""
    return f"localhost/perennial-{target}:{tag}"


class Engine:
    """One program that builds images from a Dockerfile."""

    def __init__(self, command: list[str], *, has_registry: bool, env: Mapping[str, str] | None = None) -> None:
        self.command, self.has_registry, self.env = command, has_registry, dict(env or {})

    @property
    def name(self) -> str:
        return self.command[0]

    def build(self, target: str, name: str, base: str | None) -> None:
        """Build one target of the Dockerfile; unchanged layers come from the engine's cache.

        Raises Failure with the end of the build's output.
        """
        arguments = ["build", f"--target={target}", f"--tag={name}", f"--file={CHECKOUT / 'Dockerfile'}"]
        if base is not None:
            arguments.append(f"--build-arg=BASE_IMAGE={base}")
        if self.name != "docker":
            arguments.append("--layers")
            # pip reaches its index over the host's network and, during the build only, trusts what the host trusts.
            arguments.append("--network=host")
            if _CERTIFICATES.exists():
                arguments.append(f"--volume={_CERTIFICATES}:{_CERTIFICATES}:ro")
        with step(f"image {name}"), heartbeat(f"building {name}"):
            self.run(*arguments, str(CHECKOUT))

    def has(self, name: str) -> bool:
        """Whether the engine's own store has the image."""
        return self._call("inspect", "--type=image", name).returncode == 0

    def import_base(self, archive: Path) -> str:
        """Give the engine our own base image, once; returns its name."""
        name = f"localhost/perennial-base:{base_image.key()}"
        if not self.has(name):
            with step("base image into the engine's store"):
                self._import(archive, name)
        return name

    def _import(self, archive: Path, name: str) -> None:
        if self.name != "buildah":
            self.run("import", "--change=CMD python3", str(archive), name)
            return
        container = self.run("from", "scratch")
        try:
            self.run("add", "--quiet", container, str(archive), "/")
            self.run("config", "--cmd=python3", container)
            self.run("commit", "--quiet", container, name)
        finally:
            self._call("rm", container)

    def run(self, *arguments: str) -> str:
        """Run the engine; returns its standard output.

        Raises Failure with the end of what it said.
        """
        run = self._call(*arguments)
        if run.returncode != 0:
            tail = "\n".join((run.stdout + run.stderr).splitlines()[-15:])
            raise Failure(f"{' '.join(self.command)} {' '.join(arguments)} failed:\n{tail}")
        return run.stdout.strip()

    def _call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [*self.command, *arguments]
        return subprocess.run(command, env=os.environ | self.env, capture_output=True, text=True, check=False)


def find() -> Engine:
    """The first engine that answers; buildah is installed if need be and possible.

    Raises Failure if there is none.
    """
    for name in ("docker", "podman"):
        if answers(name):
            return Engine([name], has_registry=True)
    host.require_linux()
    host.require_packages(host.IMAGES)
    # chroot isolation needs neither runc nor a cgroup of its own.
    return Engine(["buildah"], has_registry=False, env={"BUILDAH_ISOLATION": "chroot", "STORAGE_DRIVER": "overlay"})


def answers(name: str) -> bool:
    """Whether the engine is installed and its daemon, if it has one, is there."""
    if shutil.which(name) is None:
        return False
    try:
        return subprocess.run([name, "info"], capture_output=True, check=False, timeout=10).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def base(engine: Engine) -> str | None:
    """The base to build on: $BASE_IMAGE; the Dockerfile's default (None) with Docker or Podman; else our own."""
    chosen = os.environ.get("BASE_IMAGE")
    if chosen or engine.has_registry:
        return chosen or None
    return engine.import_base(base_image.provide())
