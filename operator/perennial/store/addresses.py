"""Which run of a namespace's registry a URI names. Pure; whether the run exists is not asked here."""

import re
from dataclasses import dataclass

from perennial.api.reasons import platform, serving
from perennial.store.errors import InvalidLocation

_RUN = re.compile(
    r"(?P<model>[a-z]([-a-z0-9]*[a-z0-9])?)/runs/(?P<digest>[0-9a-f]{64})"
    r"(/(run\.json|attempts/(?P<attempt>[A-Za-z0-9][-A-Za-z0-9_]*)(/(?P<file>[A-Za-z][-A-Za-z0-9._]*)?)?)?)?"
)


class NotOfThisNamespace(InvalidLocation):
    """A URI outside of what the namespace may serve."""

    reason = platform.URI_NOT_ALLOWED


class NotARun(InvalidLocation):
    """A URI in the namespace's registry that names no run."""

    reason = serving.MODEL_NOT_FOUND


@dataclass(frozen=True, slots=True)
class RunAddress:
    """One run of one model."""

    model: str
    run_digest: str  # sha256:<hex>
    attempt: str = ""  # where the URI names one
    file: str = ""  # of the attempt, where the URI names one


def run_at(uri: str, registry: str, namespace: str) -> RunAddress:
    """The run that a URI names: its folder, its run.json, the folder of its attempt, or a file of that.

    Args:
        uri: as a user wrote it; compared as it stands, so that no other spelling of a path leads elsewhere.
        registry: URI of the registry.
        namespace: of the object that names it.

    Raises:
        NotOfThisNamespace: it is not below `<registry>/<namespace>/`.
        NotARun: it is, but is no run.
    """
    own = f"{registry.rstrip('/')}/{namespace}/"
    shape = f"{own}<model>/runs/<run digest>/"
    if not uri.startswith(own):
        raise NotOfThisNamespace(f"{uri} is not below {own}, the models that this namespace may serve; give {shape}")
    found = _RUN.fullmatch(uri.removeprefix(own))
    if found is None:
        raise NotARun(f"{uri} names no run; give {shape}, or status.artifact.uri of a ModelTraining")
    return RunAddress(found["model"], f"sha256:{found['digest']}", found["attempt"] or "", found["file"] or "")
