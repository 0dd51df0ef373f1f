"""Every key of the registry, made in this one place; the layout itself is in docs/explanation/architecture.md.

Pure. Keys are relative to the registry's URI; digests are given as `sha256:<hex>` or bare and stand bare in keys.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from perennial.api.identities import bare

SLOT_FORMAT = "%Y%m%dT%H%M%SZ"
SUM = "_sum.json"
REPORTS = "_reports"
SCORES = "scores"
VERSION_DIGITS = 8
NAMESPACE_FOLDERS = ("_windows", "_payloads")
"""Folders beside the models of a namespace; model names cannot begin with an underscore."""

_VERSION_NAME = re.compile(r"(\d{8,})\.json")
_TRIAL_NAME = re.compile(r"(\d{2,})-(\d{5,})\.json")


def owner(namespace: str) -> str:
    """Who owns the registry of a namespace."""
    return f"{namespace}/_owner.json"


def slot_name(start: datetime) -> str:
    """How a slot's start is written in keys: `20260301T140000Z`.

    Raises:
        ValueError: the time has no zone.
    """
    if start.tzinfo is None:
        raise ValueError(f"the start of a slot needs a zone, got {start.isoformat()}")
    return start.astimezone(UTC).strftime(SLOT_FORMAT)


def slot_start(name: str) -> datetime | None:
    """The start of the slot of that name, UTC; None if it is no slot's name."""
    try:
        return datetime.strptime(name, SLOT_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class ModelKeys:
    """Keys of one model: its runs, evaluations, versions, aliases."""

    namespace: str
    model: str

    @property
    def prefix(self) -> str:
        """`<namespace>/<model>/`; keys inside records are relative to it."""
        return f"{self.namespace}/{self.model}/"

    def absolute(self, relative: str) -> str:
        """The store's key of a key that a record names."""
        return self.prefix + relative

    def relative(self, key: str) -> str:
        """How a record names a key of this model."""
        return key.removeprefix(self.prefix)

    @property
    def runs(self) -> str:
        """Above all runs and run pointers."""
        return f"{self.prefix}runs/"

    def run_folder(self, run_digest: str) -> str:
        """Above all of one run."""
        return f"{self.runs}{bare(run_digest)}/"

    def run_pointer(self, run_key: str) -> str:
        """runKey → run digest."""
        return f"{self.runs}keys/{bare(run_key)}.json"

    def log(self, job: str, pod: str) -> str:
        """The log of a pod that failed, saved before the pod vanishes."""
        return f"{self.prefix}logs/{job}/{pod}.txt"

    def request(self, run_digest: str) -> str:
        """The frozen input of a run."""
        return f"{self.run_folder(run_digest)}request.json"

    def attempts(self, run_digest: str) -> str:
        """Above the attempts of all pods."""
        return f"{self.run_folder(run_digest)}attempts/"

    def attempt(self, run_digest: str, pod_uid: str, name: str = "") -> str:
        """A file of one pod's attempt; without a name the folder."""
        return f"{self.attempts(run_digest)}{pod_uid}/{name}"

    def checkpoint(self, run_digest: str, pod_uid: str = "", sequence: str = "") -> str:
        """A checkpoint of one pod; without pod or sequence the folder."""
        folder = f"{self.run_folder(run_digest)}checkpoint/"
        return f"{folder}{pod_uid}/{sequence}" if pod_uid else folder

    def run(self, run_digest: str) -> str:
        """run.json: without it the run does not exist."""
        return f"{self.run_folder(run_digest)}run.json"

    def search_pointer(self, search: str) -> str:
        """Search → run digest."""
        return f"{self.runs}keys/{bare(search)}.json"

    def trials(self, run_digest: str, search: str = "") -> str:
        """Above the results of the trials of a run: those for every search of it, or one search's own."""
        folder = f"{self.run_folder(run_digest)}trials/"
        return f"{folder}{bare(search)}/" if search else folder

    def trial(self, run_digest: str, design: int, index: int, search: str = "") -> str:
        """The result of one trial."""
        return f"{self.trials(run_digest, search)}{design:02d}-{index:05d}.json"

    def trial_of(self, run_digest: str, key: str, search: str = "") -> tuple[int, int] | None:
        """Design and index of the trial whose result is kept under this key; None for any other key."""
        found = _TRIAL_NAME.fullmatch(key.removeprefix(self.trials(run_digest, search)))
        return (int(found[1]), int(found[2])) if found else None

    def lost_trials(self, run_digest: str, search: str, number: int | None = None) -> str:
        """What a round of a search has given up; without a number the folder of the search."""
        folder = f"{self.run_folder(run_digest)}searches/{bare(search)}/"
        return folder if number is None else f"{folder}{number:04d}.json"

    def version_of_run(self, run_digest: str) -> str:
        """The number of a run's version."""
        return f"{self.run_folder(run_digest)}version.json"

    @property
    def evaluations(self) -> str:
        """Above the verdicts on all runs."""
        return f"{self.prefix}evaluations/"

    def evaluation(self, run_digest: str, evaluation_digest: str) -> str:
        """One verdict on a run."""
        return f"{self.evaluations}{bare(run_digest)}/{bare(evaluation_digest)}.json"

    @property
    def versions(self) -> str:
        """Above all versions."""
        return f"{self.prefix}versions/"

    def version(self, number: int) -> str:
        """One version."""
        return f"{self.versions}{number:0{VERSION_DIGITS}d}.json"

    def version_number(self, key: str) -> int | None:
        """The number of the version that is kept right under this key; None for any other key."""
        found = _VERSION_NAME.fullmatch(key.removeprefix(self.versions))
        return int(found[1]) if found and key.startswith(self.versions) else None

    def alias(self, name: str) -> str:
        """What `approved` or `champion` points to."""
        return f"{self.prefix}aliases/{name}.json"


@dataclass(frozen=True, slots=True)
class WindowKeys:
    """Keys of what the servers of one ModelDeployment write about one model artifact."""

    namespace: str
    deployment_uid: str
    artifact_digest: str

    @property
    def windows(self) -> str:
        """Above all slots."""
        return f"{self.namespace}/_windows/{self.deployment_uid}/{bare(self.artifact_digest)}/"

    def slot(self, start: datetime) -> str:
        """Above the files of one slot."""
        return f"{self.windows}{slot_name(start)}/"

    def window(self, start: datetime, pod: str, boot: str) -> str:
        """The cumulative file of one pod and boot."""
        return f"{self.slot(start)}{pod}-{boot}.json"

    def total(self, start: datetime) -> str:
        """The sum over all pods."""
        return f"{self.slot(start)}{SUM}"

    def report(self, end: str, suffix: str) -> str:
        """A drift report of the windows until a time (ISO 8601), `html` or `json`. Its folder is no slot's."""
        name = end.replace("-", "").replace(":", "")
        return f"{self.windows}{REPORTS}/{name}.{suffix}"

    @property
    def score_log(self) -> str:
        """Above all score logs (id, time, score) of the artifact; nothing else lies there."""
        return f"{self.namespace}/_payloads/{self.deployment_uid}/{bare(self.artifact_digest)}/{SCORES}/"

    def scores(self, start: datetime, pod: str, sequence: int) -> str:
        """One file of the score log."""
        return f"{self.score_log}{slot_name(start)}/{pod}-{sequence}.parquet"

    def payload(self, start: datetime, pod: str, sequence: int) -> str:
        """One file of sampled requests."""
        folder = f"{self.namespace}/_payloads/{self.deployment_uid}/{bare(self.artifact_digest)}/{slot_name(start)}/"
        return f"{folder}{pod}-{sequence}.parquet"
