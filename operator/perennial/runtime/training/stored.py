"""Getting the model of an earlier run back out of storage, verified, for judging."""

from pathlib import Path

from perennial.api.records.run import RunRecord
from perennial.api.records.signature import Signature
from perennial.runtime.artifacts import Model, load_model
from perennial.store.runs import Runs

SIGNATURE = "signature.json"
BESIDE = frozenset({"profile.json", "metrics.json", "report.html", "card.md", "logs.txt"})
"""Files of a run that no model is loaded from."""


def stored_model(runs: Runs, record: RunRecord, folder: Path) -> Model:
    """Download a run's model and its hold-out predictions into an empty folder, and load it.

    Raises:
        LoadRefused: the files are not those of the artifact.
        StorageError: storage did not answer, or a file is gone or damaged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, file in record.files.items():
        if name not in BESIDE:
            runs.download(file, folder / name)
    return load_model(folder, Signature.from_json((folder / SIGNATURE).read_bytes()), record.artifact)
