"""The base image where no registry can be asked: Debian with Python, made by debootstrap and kept as one archive."""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from . import host
from .binaries import cache_dir
from .failure import Failure
from .progress import say, step

SUITE = "trixie"  # the release whose python3 is 3.13
# libgomp1: LightGBM's wheel does not bring its own OpenMP.
PACKAGES = ("python3", "python3-venv", "ca-certificates", "libgomp1")
_LEFT_OUT = (
    "usr/share/doc/",
    "usr/share/man/",
    "usr/share/locale/",
    "var/lib/apt/lists/",
    "var/cache/",
    "var/log/",
    "dev/",
)


def key() -> str:
    """Hash of all inputs: the same key is the same image, up to security updates."""
    return hashlib.sha256(repr((SUITE, PACKAGES, _LEFT_OUT, platform.machine())).encode()).hexdigest()[:12]


def provide() -> Path:
    """The archive of the root file system, made on first use (about 80 s).

    Raises Failure if that needs root, or debootstrap fails.
    """
    archive = cache_dir() / "images" / f"base-{key()}.tar"
    if not archive.exists():
        host.require_linux()
        host.require_root()
        host.require_packages(host.BASE_IMAGE)
        archive.parent.mkdir(parents=True, exist_ok=True)
        say(f"making a Debian {SUITE} base image with Python, about 80 s; kept as {archive}")
        with tempfile.TemporaryDirectory(prefix="perennial-base-", dir=archive.parent) as folder:
            root = Path(folder) / "root"
            with step(f"debootstrap {SUITE}"):
                _debootstrap(root)
            unfinished = archive.with_suffix(".unfinished")
            _pack(root, unfinished)
            unfinished.replace(archive)
    return archive


def _debootstrap(root: Path) -> None:
    command = ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", SUITE, str(root), *_mirror()]
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if run.returncode != 0:
        tail = "\n".join(run.stdout.splitlines()[-10:])
        raise Failure(f"{' '.join(command)} failed; a BASE_IMAGE=… of your own avoids it.\n{tail}")


def _mirror() -> list[str]:
    """The Debian mirror that this machine's apt uses, so that a local mirror is honoured; else debootstrap's own."""
    if shutil.which("apt-get") and "ID=debian" in Path("/etc/os-release").read_text().splitlines():
        command = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]
        listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()
        for uri in listed:
            if "security" not in uri:
                return [uri]
    return []


def is_kept(path: str) -> bool:
    """Whether a path of the root file system ("./usr/bin/env") goes into the image."""
    return not any(path.removeprefix("./").startswith(folder) for folder in _LEFT_OUT)


def _pack(root: Path, archive: Path) -> None:
    def keep(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
        return entry if is_kept(entry.name) else None

    with tarfile.open(archive, "w") as tar:
        tar.add(root, arcname=".", filter=keep)
