"""A RunRecord as small as it may be, for tests of whatever stores or reads one."""

from typing import Any

from perennial.api.identities import sha256_digest
from perennial.api.records.run import Artifact, DataFacts, RunRecord


def run_record(name: str = "one", **changes: Any) -> RunRecord:
    """A finished run whose digests follow from its name."""
    facts: dict[str, Any] = {
        "run_digest": sha256_digest(f"run {name}".encode()),
        "run_key": sha256_digest(f"key {name}".encode()).removeprefix("sha256:"),
        "namespace": "team",
        "model": "flights",
        "data": DataFacts(digest=sha256_digest(b"data"), rows=10, bytes=100, columns=3),
        "environment_digest": sha256_digest(b"environment"),
        "task": "Binary",
        "attempt": f"pod-{name}",
        "files": {},
        "artifact": Artifact(digest=sha256_digest(f"artifact {name}".encode())),
        "metrics": {},
    }
    return RunRecord(**{**facts, **changes})
