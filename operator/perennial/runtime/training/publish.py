"""Stage 9, publish: files into the attempt's folder, then the pointer, then run.json by conditional put.

Losing the race is no failure: the run that exists is then the other attempt's.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from perennial.api.records.run import StoredFile
from perennial.runtime.training.context import Context

UPLOADS = 4


def upload(context: Context, run_digest: str, paths: Sequence[Path]) -> dict[str, StoredFile]:
    """Store the files of this attempt; name → its entry in run.json.

    Raises:
        StorageError: storage did not take them.
    """
    with ThreadPoolExecutor(UPLOADS) as pool:
        stored = pool.map(lambda p: context.runs.upload(run_digest, context.attempt, p.name, p), paths)
        return {path.name: entry for path, entry in zip(paths, stored, strict=True)}
