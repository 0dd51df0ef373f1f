"""What the operator hands to a server pod: its configuration (PERENNIAL_SERVER) and the rollout plan (plan.json).

What comes back, the counters of both arms of a rollout, is in `arms.py`.
"""

from math import ceil
from typing import Annotated, Literal

from pydantic import Field

from perennial.api.records.record import Record
from perennial.api.records.run import StoredFile

SERVER_VARIABLE = "PERENNIAL_SERVER"
"""Environment variable of a server pod that holds a ServerConfig as JSON."""

PLAN_FILE = "/etc/perennial/plan/plan.json"
"""Where the rollout plan's ConfigMap is mounted in a server pod."""

HTTP_PORT = 8080
GRPC_PORT = 8081

VERSION_HEADER = "X-Perennial-Version"
"""Response header: the version that answered."""

HOP_HEADER = "X-Perennial-Hop"
"""Request header: set on what a splitter forwards; such requests are never forwarded again."""

SLOTS = 64
"""Hash slots that requests are counted in."""

PREDICTION_BINS = 100
"""Bins on [0, 1] of each class' probability."""


REFUSED_EXIT_CODE = 78
"""Of a server that refused its model: the same bytes are never served. Its termination message says why."""

PRE_STOP_SECONDS = 2
"""Between a pod's deletion and SIGTERM: kube-proxies still send requests."""

FLUSH_SECONDS = 20
"""For the last window files, once the last request is answered: two attempts at a slow store."""


class ServerSettings(Record):
    """Limits of one server pod."""

    workers: int = Field(default=1, ge=1, le=64)
    max_batch_rows: int = Field(default=1024, ge=1)  # rows predicted in one call
    max_request_rows: int = Field(default=100_000, ge=1)  # rows of one request; more: 413
    max_request_bytes: int = Field(default=16 * 1024 * 1024, ge=1024)  # body of one request; more: 413
    timeout_seconds: float = Field(default=30.0, gt=0)  # from the first byte to the answer; later: 504
    queue_size: int = Field(default=1024, ge=1)  # requests waiting for a prediction in one worker; more: 503
    drain_seconds: float = Field(default=5.0, ge=0)  # after SIGTERM, for kept connections to see `Connection: close`

    @property
    def stop_seconds(self) -> int:
        """From SIGTERM until the last request is answered, at most: drain, the longest request, its rounding."""
        return ceil(self.drain_seconds + self.timeout_seconds) + 1

    @property
    def grace_seconds(self) -> int:
        """From a pod's deletion to its end, at most."""
        return PRE_STOP_SECONDS + self.stop_seconds + FLUSH_SECONDS


class FeatureMonitoring(Record):
    """Which features are watched."""

    max: int = 50
    exclude: list[str] = []


class PayloadSampling(Record):
    """Samples of requests; off at rate 0."""

    sample_rate: float = Field(default=0.0, ge=0, le=1)
    exclude: list[str] = []
    hash: list[str] = []
    max_bytes_per_hour: int = 64 * 1024 * 1024


class ServerMonitoring(Record):
    """What a server counts and writes to storage."""

    enabled: bool = True
    window_seconds: int = Field(default=3600, ge=1)
    flush_seconds: float = Field(default=300.0, gt=0)  # with ± 10 % jitter, and on SIGTERM
    features: FeatureMonitoring = FeatureMonitoring()
    payloads: PayloadSampling = PayloadSampling()
    score_log: bool = False  # labels are configured: a compact (id, time, score) log at rate 1


class ServerConfig(Record):
    """PERENNIAL_SERVER: which artifact a pod serves, under which name, and within which limits."""

    namespace: str
    deployment: str  # name of the ModelDeployment
    deployment_uid: str = ""  # windows are kept under it; empty: no windows are written
    model: str  # the name in the URLs, /v2/models/<model>
    version: str = "1"  # the version in the URLs and in X-Perennial-Version
    revision: str = ""  # revisionKey
    registry: str = ""  # s3://bucket/prefix or file:///folder
    model_prefix: str = ""  # <namespace>/<model>; the keys of `files` are relative to <registry>/<model_prefix>/
    run_digest: str = ""
    artifact_digest: str  # sha256:<64 hex>; another digest is never served
    formats: list[str] = ["skops"]  # of the artifact, as run.json says
    files: dict[str, StoredFile]  # of the run, by name: the model's, signature.json, profile.json (others are not read)
    settings: ServerSettings = ServerSettings()
    monitoring: ServerMonitoring = ServerMonitoring()


class RolloutPlan(Record):
    """plan.json: what a pod does with its requests while a rollout is under way.

    Both revisions mount one: the stable's pods split, shadow and mirror by it; the candidate's pods read their role
    and the prediction edges from it. While a promotion bakes, the candidate of the new stable's pods is the previous
    revision, at weight 0, and the other way round at weight 100.
    No file, or `rollout` empty: every request is answered locally.
    A file that cannot be read leaves the last good plan in force (metric `perennial_plan_errors_total`).
    """

    format_version: Literal[1] = 1
    rollout: str = ""  # identity of the rollout: a new one starts new counters of the candidate's arm
    role: Literal["Stable", "Candidate"] = "Stable"
    candidate_version: str = ""  # what names this version is sent there, whatever the weight
    candidate_url: str = ""  # http://<service>.<namespace>.svc:8080, empty: nothing is forwarded
    candidate_grpc: str = ""  # <service>.<namespace>.svc:8081
    weight: float = Field(default=0.0, ge=0, le=100)  # percent of requests that the candidate answers
    mirror: float = Field(default=0.0, ge=0, le=100)  # percent of the others copied to it for evidence, answer unused
    shadow: bool = False  # mirrored answers are compared with stable's
    sticky_header: str = ""  # requests with the same value of it go to the same version
    sticky_key: str = ""  # what these are drawn by: the same through all steps, so that nobody comes back to stable
    candidate_timeout_seconds: float = Field(default=30.0, gt=0)
    """The candidate's own limit for a request: an answer that comes later is its error. How long a client waits for it
    before stable answers is for each stable pod to say, by its own times."""
    prediction_edges: list[Annotated[float, Field(allow_inf_nan=False)]] = []
    """Regression and outlier detection: stable's inner quantiles, ascending; n edges make n + 1 bins in both arms."""
