"""A real Prometheus for a test session: the program on PATH, or Debian's package unpacked into the cache.

It scrapes itself every second and nothing else.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from hack.localnode.binaries import cache_dir
from hack.localnode.lock import exclusive

CONFIG = """
global: {scrape_interval: 1s}
scrape_configs:
  - job_name: self
    static_configs: [{targets: ['127.0.0.1:%d']}]
"""


def program() -> Path:
    """Where it is; skips the test when it cannot be had."""
    found = shutil.which("prometheus")
    if found is not None:
        return Path(found)
    place = cache_dir() / "prometheus"
    with exclusive(cache_dir() / "prometheus.lock", "a download of Prometheus"):
        if not (place / "usr/bin/prometheus").exists():
            _unpack(place)
    return place / "usr/bin/prometheus"


def _unpack(place: Path) -> None:
    """apt checks the package against the distribution's signatures."""
    if shutil.which("apt-get") is None:
        pytest.skip("no Prometheus: it is not on PATH, and this is no Debian that has a package of it")
    place.mkdir(parents=True, exist_ok=True)
    run = subprocess.run(["apt-get", "download", "prometheus"], cwd=place, capture_output=True, text=True, check=False)
    (package, *_) = [*place.glob("prometheus_*.deb"), None]
    if run.returncode != 0 or package is None:
        pytest.skip(f"no Prometheus: apt-get download prometheus: {run.stderr.strip()[-300:]}")
    fresh = place / "fresh"
    subprocess.run(["dpkg-deb", "-x", str(package), str(fresh)], check=True, capture_output=True)
    (fresh / "usr").replace(place / "usr")
    package.unlink()


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture(scope="session")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that has scraped itself a few times."""
    folder, port = tmp_path_factory.mktemp("prometheus"), _free_port()
    (folder / "prometheus.yml").write_text(CONFIG % port)
    command = [str(program()), f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as server:
        try:
            address = f"http://127.0.0.1:{port}"
            _wait(f"{address}/api/v1/query?query=up", folder / "log")
            yield address
        finally:
            server.terminate()


def _wait(url: str, log: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                if b'"1"' in answer.read():
                    return
        except (urllib.error.URLError, OSError):
            pass
        time.sleep(0.2)
    raise AssertionError(f"Prometheus has not scraped itself within 60 s: {log.read_text()[-800:]}")
