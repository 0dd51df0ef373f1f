"""What is known of a ModelTraining before anything is asked of storage."""

from dataclasses import dataclass, replace
from typing import Any

from perennial.api import ModelTraining
from perennial.api.conditions import condition
from perennial.api.group import MANAGED_BY, RETRAIN, RETRY
from perennial.api.identities import digest_of, run_key
from perennial.api.problem import Problem
from perennial.api.validate import validate_training
from perennial.desired import names
from perennial.desired.labels import TASK
from perennial.observe.cache import Cache
from perennial.policy.training.facts import JobFacts, job_facts

NO_RUN = "NoRun"


@dataclass(frozen=True, slots=True)
class Barred:
    """Why the kind that `spec.workload` asks for cannot be made."""

    reason: str
    message: str


@dataclass(frozen=True)
class Observed:
    """One look at a ModelTraining and its Jobs."""

    body: dict[str, Any]
    training: ModelTraining
    run_key: str
    retry: str
    job_name: str
    job: JobFacts | None
    stale: tuple[JobFacts, ...]
    rounds: tuple[JobFacts, ...]  # Jobs of this run's search, done ones too
    problems: tuple[Problem, ...]
    workloads: tuple[JobFacts, ...] = ()  # objects of other controllers, once they were asked for
    barred: Barred | None = None

    @property
    def namespace(self) -> str:
        """Namespace of the object."""
        return self.training.metadata.namespace

    @property
    def judging_key(self) -> str:
        """Identity of how the run is judged: gates, slices and approval. They are not in the runKey."""
        spec = self.training.spec
        evaluation = spec.evaluation.to_json_dict() if spec.evaluation else {}
        return digest_of({"evaluation": evaluation, "approval": spec.approval})[7:23]

    @property
    def managed_elsewhere(self) -> bool:
        """Whether another controller is responsible."""
        return self.training.spec.managed_by not in (None, MANAGED_BY)

    @property
    def searches(self) -> bool:
        """Whether trials run in Jobs of their own, before the Job of the run."""
        algorithm = self.training.spec.algorithm
        return algorithm is not None and algorithm.search is not None and algorithm.search.parallelism > 1

    @property
    def child_kind(self) -> str:
        """Kind of what carries out the run."""
        workload = self.training.spec.workload
        return workload.kind if workload is not None else "Job"

    @property
    def kinds_to_look_at(self) -> list[str]:
        """Kinds of other controllers that this object asks for, or has asked for before."""
        run = self.training.status.run
        asked = {self.child_kind} - {"Job"}
        return sorted(asked | set(run.workloads if run is not None else ()))

    @property
    def kinds_held(self) -> list[str]:
        """Kinds of other controllers of which something may be there when this look has ended."""
        return sorted({self.child_kind, *(w.kind for w in self.workloads)} - {"Job"})

    @property
    def same_run(self) -> bool:
        """Whether the status is about this run key and retry."""
        run = self.training.status.run
        return run is not None and run.key == self.run_key and (run.retry or "") == self.retry

    @property
    def concluded(self) -> bool:
        """Whether the status tells the end of this very run key, retry and set of gates."""
        status = self.training.status
        succeeded = condition(status.conditions, "Succeeded")
        if not self.same_run or succeeded is None or succeeded.status == "Unknown" or status.run is None:
            return False
        return status.run.digest is None or status.version is None or status.run.judged == self.judging_key

    @property
    def job_seen(self) -> bool:
        """Whether the status tells that the Job of this key existed."""
        run = self.training.status.run
        return self.same_run and run is not None and run.job == self.job_name and run.attempt is not None


def observe(body: dict[str, Any], cache: Cache) -> Observed:
    """The object with its Jobs and pods, from the cache.

    Raises:
        pydantic.ValidationError: the spec does not fit the models (an older CRD let it in).
    """
    training = ModelTraining.model_validate(_known(body))
    notes = training.metadata.annotations
    key = run_key(training.spec.normalised(), model=training.model, retrain=notes.get(RETRAIN))
    retry = notes.get(RETRY, "")
    name_of = names.workload if training.spec.workload else names.training_job
    name = name_of(training.metadata.name, training.metadata.uid, key, retry + _anew(training))
    jobs = [_facts(job, cache) for job in cache.owned(training.metadata.uid, "Job") if _trains(job)]
    seen = Observed(
        body=body,
        training=training,
        run_key=key,
        retry=retry,
        job_name=name,
        job=next((j for j in jobs if j.name == name and not j.deleting), None),
        stale=tuple(j for j in jobs if not j.done and (j.name != name or j.deleting)),
        rounds=(),
        problems=tuple(validate_training(training.spec)),
    )
    return _with_rounds(seen, jobs) if seen.searches else seen


def _anew(training: ModelTraining) -> str:
    """What sets the Jobs of a search that takes nothing from others apart from those of one that does."""
    algorithm = training.spec.algorithm
    return "" if training.spec.reuse or algorithm is None or algorithm.search is None else "\nanew"


def _with_rounds(seen: Observed, jobs: list[JobFacts]) -> Observed:
    """Rounds of this search are not stale; those of another key, or of one that searches no more, are."""
    rounds = tuple(j for j in jobs if j.name.startswith(names.search_rounds(seen.job_name)))
    return replace(seen, rounds=rounds, stale=tuple(j for j in seen.stale if j not in rounds))


def _trains(job: dict[str, Any]) -> bool:
    """Whether a Job is a run's or its search's, and not one of the short ones that measure it again."""
    return (job["metadata"].get("labels") or {}).get(TASK) in ("Train", "Trial")


def _facts(job: dict[str, Any], cache: Cache) -> JobFacts:
    return job_facts(job, tuple(cache.owned(job["metadata"]["uid"], "Pod")))


def _known(body: dict[str, Any]) -> dict[str, Any]:
    return {k: body[k] for k in ("apiVersion", "kind", "metadata", "spec", "status") if k in body}
