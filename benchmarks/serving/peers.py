"""Environments of the peers: made once in a cache folder, by pip, when the benchmark is asked for them."""

import os
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = {
    "mlserver": ["mlserver", "mlserver-sklearn"],
    "kserve": ["kserve", "scikit-learn", "joblib"],
}


def cache_folder() -> Path:
    """Where environments are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "perennial" / "benchmark-peers"


def python_of(peer: str) -> Path:
    """The Python of a peer's environment.

    Raises:
        subprocess.CalledProcessError: pip could not install it.
    """
    folder = cache_folder() / peer
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *REQUIREMENTS[peer]], check=True, timeout=1200)
        (folder / "complete").touch()
    return python
