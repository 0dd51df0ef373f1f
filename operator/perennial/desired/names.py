"""The one place that makes names of children. Every name is a function of an identity and fits in 63 characters.

A CR's name is at most 40 characters (CEL says so), which leaves room for what is added here and for the
suffixes that Kubernetes puts behind it for ReplicaSets and Pods.
"""

import hashlib

MAX_CR_NAME = 40


def _short(*parts: str, length: int) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:length]


def training_job(name: str, uid: str, run_key: str, retry: str = "") -> str:
    """Name of the one Job of a run. `retry` is the value of the annotation perennial.dev/retry."""
    return f"{name}-{_short(uid, run_key, retry, length=10)}"


def search_rounds(job: str) -> str:
    """How the names of the Jobs of a search begin; `job` is the one that trains in the end."""
    return f"{job}-r"


def search_round(job: str, number: int) -> str:
    """Name of the Job of one round of a search. Its pods' host names have five digits more, and fit as well."""
    return f"{search_rounds(job)}{number}"


def workload(name: str, uid: str, run_key: str, retry: str = "") -> str:
    """Name of the one JobSet, RayJob or TrainJob of a run: ≤ 31 characters, for their controllers put names of
    replicas, clusters and pods behind it and refuse what then has more than 63."""
    return f"{name[:20].rstrip('-')}-{_short(uid, run_key, retry, length=10)}"


def evaluate_job(name: str, uid: str, run_digest: str, evaluation_key: str) -> str:
    """Name of an evaluate-only Job: the same run judged against another champion or other slices."""
    return f"{name}-ev-{_short(uid, run_digest, evaluation_key, length=8)}"


def task_job(name: str, uid: str, kind: str, key: str) -> str:
    """Name of a short data-heavy look (row count, label join, drift report) for a policy or deployment."""
    return f"{name}-{kind[:5].lower()}-{_short(uid, kind, key, length=8)}"


def serving_revision(name: str, revision_key: str) -> str:
    """Name of the Deployment, the Service and (with `-plan`) the ConfigMap of one serving revision."""
    return f"{name}-{revision_key[:8]}"


def rollout_plan(name: str, revision_key: str) -> str:
    """Name of the ConfigMap with the rollout plan that the pods of a revision mount."""
    return f"{serving_revision(name, revision_key)}-plan"


def service(name: str) -> str:
    """Name of the Service (and PDB, HPA, HTTPRoute) that users of a ModelDeployment see."""
    return name


def child_training(policy: str, uid: str, decision: str) -> str:
    """Name of a ModelTraining that a RetrainPolicy makes. `decision` identifies the decision, so that a
    crash between recording and creating it never makes two."""
    return f"{policy[: MAX_CR_NAME - 9].rstrip('-')}-{_short(uid, decision, length=8)}"
