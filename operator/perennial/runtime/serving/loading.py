"""Fetch → verify → load → warm up. Only what comes out of here is ever served.

Storage that does not answer is tried again for as long as it takes; a file that is not what the configuration says is
refused for good.
"""

import time
from collections.abc import Callable
from pathlib import Path

import pydantic

from perennial.api.identities import sha256_digest
from perennial.api.records.profile import Profile
from perennial.api.records.run import Artifact
from perennial.api.records.server import ServerConfig
from perennial.api.records.signature import Signature
from perennial.runtime.artifacts import DigestMismatch, HostileArtifact, load_model
from perennial.runtime.serving.logs import log
from perennial.runtime.serving.served import Served
from perennial.store import ObjectStore
from perennial.store.errors import StorageError

WANTED = ("signature.json", "profile.json", "model.skops", "encoder.json", "model.onnx", "model.txt", "model.json")
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0


def fetch(store: ObjectStore, config: ServerConfig, folder: Path, on_wait: Callable[[str], None]) -> None:
    """Bring the run's files into a folder, each verified against its SHA-256.

    Raises:
        DigestMismatch: a file is not the one that the configuration names.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in WANTED:
        stored = config.files.get(name)
        if stored is None:
            continue
        body = _patiently(store, f"{config.model_prefix}/{stored.key}".lstrip("/"), on_wait)
        found = sha256_digest(body)
        if found != stored.sha256:
            raise DigestMismatch(f"{name} ({stored.key}): expected {stored.sha256}, got {found}")
        (folder / name).write_bytes(body)


def _patiently(store: ObjectStore, key: str, on_wait: Callable[[str], None]) -> bytes:
    pause = FIRST_PAUSE
    while True:
        try:
            return store.get(key).body
        except StorageError as error:
            on_wait(f"{key} cannot be fetched yet: {error}")
            log("storage does not give a file yet", level=30, key=key, error=str(error), again_in=pause)
        time.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


def load(config: ServerConfig, folder: Path) -> Served:
    """Load and warm up what `fetch` brought.

    Raises:
        LoadRefused: the artifact is not what training recorded, or names what must not be loaded.
    """
    signature = _record(Signature, folder / "signature.json")
    profile = _record(Profile, folder / "profile.json") if (folder / "profile.json").is_file() else None
    model = load_model(folder, signature, Artifact(digest=config.artifact_digest, formats=config.formats))
    model.warm_up()
    served = Served.of(config, signature, model, profile)
    rows = served.spec.canonical_example(signature.example)
    for _ in range(3):  # the first calls import and allocate
        served.predict(rows, served.output_names)
    return served


def _record[R: (Signature, Profile)](kind: type[R], path: Path) -> R:
    try:
        return kind.from_json(path.read_bytes())
    except (OSError, pydantic.ValidationError) as error:
        raise HostileArtifact(f"{path.name} cannot be read: {str(error).splitlines()[0]}") from None
