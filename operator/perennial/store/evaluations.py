"""Verdicts on runs: written once for each set of gates, champion and hold-out. What a verdict says is the policy's."""

import json
from typing import Any

from perennial.api.identities import bare, canonical_json, digest_of
from perennial.store import files
from perennial.store.errors import Corrupt, NotFound
from perennial.store.layout import ModelKeys
from perennial.store.objects import ObjectStore


def evaluation_digest(gates: Any, *, champion: str | None, holdout: str) -> str:
    """`sha256:<hex>` of what a verdict depends on besides the run itself.

    Args:
        gates: the gates as JSON.
        champion: digest of the champion's run, None without one.
        holdout: digest of the hold-out.
    """
    return digest_of({"gates": gates, "champion": champion, "holdout": holdout})


class Evaluations:
    """The verdicts on the runs of one model, as JSON objects."""

    def __init__(self, store: ObjectStore, keys: ModelKeys) -> None:
        self._store = store
        self._keys = keys

    def read(self, run_digest: str, evaluation: str) -> dict[str, Any] | None:
        """One verdict; None if it was not given yet. Raises Corrupt."""
        key = self._keys.evaluation(run_digest, evaluation)
        try:
            verdict = json.loads(self._store.get(key).body)
        except NotFound:
            return None
        except ValueError as wrong:
            raise Corrupt(f"{self._store.uri}/{key} is no JSON: {wrong}") from wrong
        if not isinstance(verdict, dict):
            raise Corrupt(f"{self._store.uri}/{key} holds a {type(verdict).__name__}, expected a JSON object")
        return verdict

    def write(self, run_digest: str, evaluation: str, verdict: dict[str, Any]) -> dict[str, Any]:
        """Keep a verdict; the first one given stays and is returned."""
        key = self._keys.evaluation(bare(run_digest), evaluation)
        if files.create(self._store, key, canonical_json(verdict)):
            return verdict
        return self.read(run_digest, evaluation) or verdict
