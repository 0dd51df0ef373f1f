"""What the operator hands to a trainer pod (environment variable PERENNIAL_TASK) and what comes back."""

from enum import IntEnum
from typing import Any, Literal

from perennial.api.records.record import Record


class ExitCode(IntEnum):
    """Exit codes of a trainer pod. The Job's failure rules and the failure classes are keyed by them."""

    OK = 0
    DATA_REFUSED = 64  # terminal: the data, or the spec against the data, is at fault
    USER_CODE = 65  # terminal: the estimator or the user's own code raised
    REUSED = 66  # own containers: the run exists already, so the pod ends before its code starts
    STORAGE = 75  # retried: storage did not answer or refused the credentials
    INTERNAL = 70  # retried: a fault of ours


class Champion(Record):
    """The run that gates compare with."""

    run_digest: str
    version: int | None = None


class Task(Record):
    """One unit of work for the trainer image."""

    kind: Literal["Train", "Trial", "Evaluate", "CountRows", "JoinLabels", "CheckData", "DriftReport"] = "Train"
    namespace: str
    model: str
    training: str  # name of the ModelTraining that asks
    uid: str  # its UID
    registry: str  # s3://bucket/prefix or file:///folder; <registry>/<namespace>/<model>/… is ours
    run_key: str  # of kinds other than Train the identity of the question, under which the answer is stored
    run_digest: str | None = None  # known already for Evaluate
    spec: dict[str, Any]  # ModelTraining.spec as the API server stores it (camelCase)
    retrain: str | None = None  # value of perennial.dev/retrain
    champion: Champion | None = None
    best_unseen: Champion | None = None  # best approved version that has no row in this hold-out
    code_revision: str | None = None
    parameters: dict[str, Any] = {}  # of the kinds other than Train


class Outcome(Record):
    """The pod's termination message, ≤ 4 KiB of JSON."""

    outcome: Literal["Succeeded", "Reused", "Refused", "Failed"]
    reason: str = ""  # CamelCase, from perennial.api.reasons
    message: str = ""
    stage: str = ""
    run_digest: str | None = None
    data_digest: str | None = None
    result_key: str | None = None  # where kinds other than Train put their JSON
    cost: dict[str, float] = {}  # of attempts that failed and of kinds other than Train; a run's own is in run.json


class Progress(Record):
    """What GET /progress of the pod's metrics port answers (port 9090)."""

    stage: str
    percent: int
    message: str = ""
    cost: dict[str, float] = {}
