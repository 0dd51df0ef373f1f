"""The image whose container holds a pod's namespaces: one static C program out of the Kubernetes module."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
import tempfile
from pathlib import Path

from . import host
from .binaries import cache_dir
from .catalogue import BINARIES, MODULES
from .failure import Failure
from .node_files import PAUSE


def provide() -> Path:
    """The archive to import, made on first use and cached by the version of Kubernetes.

    Raises Failure if the compiler is missing or fails.
    """
    key = next(binary.key() for binary in BINARIES if binary.name == "kubelet")
    archive = cache_dir() / "images" / f"pause-{key}.tar"
    if not archive.exists():
        host.require_packages(host.PAUSE_IMAGE)
        archive.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            program = Path(folder) / "pause"
            _compile(program)
            unfinished = archive.with_suffix(".unfinished")
            unfinished.write_bytes(docker_archive(PAUSE, program.read_bytes()))
            unfinished.replace(archive)
    return archive


def _compile(program: Path) -> None:
    command = [host.go_command(), "mod", "download", "-json", "k8s.io/kubernetes"]
    listed = subprocess.run(command, cwd=MODULES / "kubernetes", capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        raise Failure(f"{' '.join(command)} failed: {listed.stderr.strip() or listed.stdout.strip()}")
    source = Path(json.loads(listed.stdout)["Dir"]) / "build" / "pause" / "linux" / "pause.c"
    compile_ = ["gcc", "-Os", "-static", "-s", "-DVERSION=perennial", "-o", str(program), str(source)]
    run = subprocess.run(compile_, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise Failure(f"{' '.join(compile_)} failed: {run.stderr.strip()}")


def docker_archive(name: str, program: bytes) -> bytes:
    """An image archive with one layer that holds one program, as `docker save` would write it."""
    layer = _tar({"pause": program}, mode=0o755)
    digest = hashlib.sha256(layer).hexdigest()
    config = {
        "architecture": _architecture(),
        "os": "linux",
        "config": {"Entrypoint": ["/pause"], "User": "65535:65535"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    files = {"manifest.json": json.dumps(manifest), "config.json": json.dumps(config)}
    return _tar({**{path: text.encode() for path, text in files.items()}, "layer.tar": layer}, mode=0o644)


def _architecture() -> str:
    go = subprocess.run([host.go_command(), "env", "GOARCH"], capture_output=True, text=True, check=True)
    return go.stdout.strip()


def _tar(files: dict[str, bytes], mode: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(content), mode
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
