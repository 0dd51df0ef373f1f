"""Where a cluster of this checkout keeps things. Every name that the machine shares with other checkouts is made here.

One checkout has at most one node and any number of control planes; each is a Place with a name.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent.parent
NODE = "node"


def checkout_key(checkout: Path = CHECKOUT) -> str:
    """Eight hex digits that tell this checkout's folders, namespace and cgroup from those of any other."""
    return hashlib.sha256(str(checkout.resolve()).encode()).hexdigest()[:8]


def _state_home() -> Path:
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "perennial"


def _run_home() -> Path:
    if os.geteuid() == 0:
        return Path("/run/perennial")
    return Path(os.environ.get("XDG_RUNTIME_DIR") or _state_home()) / "perennial-run"


@dataclass(frozen=True)
class Place:
    """The folders and names of one cluster: `state` outlives `down`, `run` does not outlive a reboot."""

    name: str
    key: str = checkout_key()

    @property
    def state(self) -> Path:
        return _state_home() / self.key / self.name

    @property
    def run(self) -> Path:
        return _run_home() / self.key / self.name

    @property
    def bin(self) -> Path:
        return _state_home() / self.key / "bin"

    @property
    def pki(self) -> Path:
        return self.state / "pki"

    @property
    def logs(self) -> Path:
        return self.state / "log"

    @property
    def config(self) -> Path:
        return self.state / "config"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig as it works where the API server runs."""
        return self.state / "kubeconfig"

    @property
    def namespace(self) -> Path | None:
        """The network namespace that the cluster lives in; None is the host's own."""
        return Path("/run/netns") / f"perennial-{self.key}" if self.name == NODE else None

    @property
    def cgroup(self) -> str:
        """The cgroup below which all pods live, relative to each hierarchy's root."""
        return f"perennial-{self.key}"

    def make(self) -> None:
        """Create the folders; those with keys in them are for the owner alone."""
        for folder in (self.state, self.run, self.logs, self.config):
            folder.mkdir(parents=True, exist_ok=True)
        self.pki.mkdir(mode=0o700, exist_ok=True)


def shell_kubeconfig() -> Path:
    """The git-ignored kubeconfig for ordinary shells."""
    return CHECKOUT / ".cache" / "kubeconfig"


def places() -> Iterator[Place]:
    """All clusters of this checkout that left state or runtime files, the node last."""
    key = checkout_key()
    homes = (_state_home() / key, _run_home() / key)
    names = {entry.name for home in homes if home.is_dir() for entry in home.iterdir() if entry.is_dir()}
    for name in sorted(names - {"bin"}, key=lambda each: (each == NODE, each)):
        yield Place(name)
