"""What the machine must offer: Linux, root, Go, Debian packages. Says what is missing and what to do instead."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .failure import Failure
from .progress import say, step

GO_MINIMUM = (1, 26)
INSTEAD = (
    "Instead of the local node: start Docker or Podman and use kind (`hack/cluster up --provider kind`), "
    "or use a cluster you have (`hack/cluster up --context NAME`)."
)


@dataclass(frozen=True)
class Need:
    """A Debian package and the file or command whose presence shows that it is there."""

    package: str
    command: str = ""
    file: str = ""
    pkg_config: str = ""

    def is_met(self) -> bool:
        if self.file:
            return Path(self.file).exists()
        if self.pkg_config:
            query = ["pkg-config", "--exists", self.pkg_config]
            return shutil.which("pkg-config") is not None and subprocess.run(query, check=False).returncode == 0
        return shutil.which(self.command, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is not None


CERTIFICATES = (Need("openssl", "openssl"),)
RUNC_BUILD = (
    Need("gcc", "gcc"),
    Need("libc6-dev", file="/usr/include/stdio.h"),
    Need("pkg-config", "pkg-config"),
    Need("libseccomp-dev", pkg_config="libseccomp"),
)
NODE = (
    Need("nftables", "nft"),
    Need("conntrack", "conntrack"),
    Need("iproute2", "ip"),
    Need("util-linux", "nsenter"),
    Need("mount", "umount"),
)
IMAGES = (Need("buildah", "buildah"), Need("skopeo", "skopeo"))
BASE_IMAGE = (
    Need("debootstrap", "debootstrap"),
    Need("debian-archive-keyring", file="/usr/share/keyrings/debian-archive-keyring.gpg"),
)
PAUSE_IMAGE = (Need("gcc", "gcc"), Need("libc6-dev", file="/usr/include/stdio.h"))


def require_linux() -> None:
    """Raises Failure on any other system."""
    if platform.system() != "Linux":
        raise Failure(f"the local control plane and node run on Linux; this is {platform.system()}. {INSTEAD}")


def require_root() -> None:
    """Raises Failure unless the effective user is root."""
    if os.geteuid() != 0:
        raise Failure(
            "the local node makes a network namespace, mounts and cgroups and so needs root; run it again with "
            f"sudo -E. A control plane alone (`hack/cluster up --control-plane-only`) needs no root. {INSTEAD}"
        )


def go_command() -> str:
    """The path of a new enough Go.

    Raises Failure if there is none.
    """
    found = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    wanted = ".".join(map(str, GO_MINIMUM))
    if found is None:
        raise Failure(f"Go {wanted} or later builds the local node's programs, and `go` is not on PATH. {INSTEAD}")
    printed = subprocess.run([found, "version"], capture_output=True, text=True, check=False).stdout
    if go_version(printed) < GO_MINIMUM:
        raise Failure(f"Go {wanted} or later is needed; {found} is {printed.strip() or 'broken'}. {INSTEAD}")
    return found


def go_version(printed: str) -> tuple[int, int]:
    """(1, 26) of "go version go1.26.8 linux/amd64"; (0, 0) when it says nothing of the kind."""
    match = re.search(r"\bgo(\d+)\.(\d+)", printed)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def require_packages(needs: tuple[Need, ...]) -> None:
    """Install the Debian packages that are missing, saying so; needs root and apt-get.

    Raises Failure naming the packages if they cannot be installed from here.
    """
    packages = [need.package for need in needs if not need.is_met()]
    if not packages:
        return
    listed = " ".join(packages)
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        how = "as root: apt-get install " + listed if apt else "with this system's package manager (Debian's names)"
        raise Failure(f"missing on this machine: {listed}. Install {how}. {INSTEAD}")
    say(f"installing the Debian packages that are missing: {listed}")
    with step(f"apt-get install {listed}"):
        _apt(apt, ["update", "-q"])
        _apt(apt, ["install", "-q", "-y", "--no-install-recommends", *packages])


def _apt(apt: str, arguments: list[str]) -> None:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    run = subprocess.run([apt, *arguments], env=environment, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        tail = "\n".join((run.stdout + run.stderr).splitlines()[-10:])
        raise Failure(f"apt-get {' '.join(arguments)} failed:\n{tail}")
