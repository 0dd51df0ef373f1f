"""One look at a search in parallel: which Jobs are there, what storage holds, how the status tells it.

What is done about it is `search.py`'s.
"""

from dataclasses import dataclass, replace

from perennial.api.algorithm import Search
from perennial.api.fields import format_time, parse_time
from perennial.api.identities import bare, digest_of
from perennial.api.rounds import Round, rounds
from perennial.api.training_status import TrialsStatus
from perennial.desired import names
from perennial.policy.training.facts import JobFacts
from perennial.policy.training.search import Due, due_round, time_left
from perennial.reconcile.context import Context
from perennial.reconcile.registries import in_store, registry
from perennial.reconcile.training import report
from perennial.reconcile.training.observed import Observed
from perennial.reconcile.training.report import Searching, Told
from perennial.reconcile.training.search_results import Stored, standing, stored, thinned


@dataclass(frozen=True)
class Looked:
    """One look at a search."""

    seen: Observed
    search: Search
    plan: tuple[Round, ...]
    designs: int
    have: Stored
    due: Due | None
    job: JobFacts | None  # of the round that is due
    trials: TrialsStatus

    @property
    def job_name(self) -> str:
        """The Job of the round that is due."""
        return names.search_round(self.seen.job_name, self.due.number) if self.due else self.seen.job_name


async def look(seen: Observed, ctx: Context) -> Looked:
    """Everything that is known of a search now.

    Raises:
        StorageError: storage did not answer.
    """
    models = registry(ctx, seen.namespace, seen.training.model)
    reuse = seen.training.spec.reuse
    return _looked(seen, await in_store(ctx, lambda: stored(models, search_of(seen), reuse=reuse)))


def search_of(seen: Observed) -> str:
    """Identity of a search: of one object, run key and retry. Its results are the run's, and outlive it; they are its
    own without `reuse`, so it is another search then."""
    metadata = seen.training.metadata
    anew = {} if seen.training.spec.reuse else {"reuse": False}
    return bare(digest_of({"uid": metadata.uid, "runKey": seen.run_key, "retry": seen.retry, **anew}))


def _looked(seen: Observed, have: Stored) -> Looked:
    algorithm = seen.training.spec.algorithm
    assert algorithm is not None  # noqa: S101  the decision says so
    assert algorithm.search is not None  # noqa: S101
    plan, designs = rounds(algorithm.search), max(1, len(algorithm.candidates))
    due = due_round(plan, designs, have.ended)
    name = names.search_round(seen.job_name, due.number) if due else ""
    job = next((j for j in seen.rounds if j.name == name), None)
    old = seen.training.status.run.trials if seen.same_run and seen.training.status.run else None
    new = standing(
        have,
        total=sum(one.trials for one in plan) * designs,
        number=due.number + 1 if due else len(plan),
        rounds=len(plan),
        started=_started(old, job),
    )
    return Looked(seen, algorithm.search, plan, designs, have, due, job, thinned(old, new))


def _started(old: TrialsStatus | None, job: JobFacts | None) -> str | None:
    if old is not None and old.start_time is not None:
        return old.start_time
    return format_time(job.started) if job is not None and job.started is not None and not job.suspended else None


def seconds_left(looked: Looked, ctx: Context) -> int | None:
    """What is left of `activeDeadlineSeconds` for all further Jobs; None without a deadline."""
    started = looked.trials.start_time
    deadline = looked.seen.training.spec.active_deadline_seconds
    return time_left(deadline, parse_time(started) if started else None, ctx.clock.now())


def told_jobs(seen: Observed) -> list[str]:
    """Jobs of rounds that the status tells of: they existed."""
    run = seen.training.status.run
    return list(run.jobs) if seen.same_run and run is not None else []


async def tell(looked: Looked, told: Told, ctx: Context) -> None:
    """The status, with the figures of the search; a Job is in it from when it was seen."""
    there = sorted((job.name for job in looked.seen.rounds if not job.deleting), key=lambda name: (len(name), name))
    known = dict.fromkeys([*told_jobs(looked.seen), *there])
    searching = Searching(looked.trials, tuple(known), image_of(looked.seen, ctx))
    await report.write(looked.seen, replace(told, search=searching, attempt=None), ctx)


def image_of(seen: Observed, ctx: Context) -> str:
    """All Jobs of a search have the image of the first: another one's libraries might come to other results."""
    run = seen.training.status.run
    return (run.image if seen.same_run and run is not None else None) or ctx.config.trainer_image
