"""Measuring a finished run again before it is judged, by an evaluate-only Job: nothing is trained a second time.

What the Job measures is kept beside the verdicts, so that whoever judges the run again finds it without a Job.
"""

import json
from dataclasses import dataclass

from perennial.api.identities import bare, digest_of
from perennial.api.records.findings import Reevaluation
from perennial.api.records.run import AliasRecord, RunRecord
from perennial.api.records.task import Champion, Task
from perennial.policy.gates.lacking import lacking
from perennial.reconcile.context import Context
from perennial.reconcile.registries import in_store, registry
from perennial.reconcile.tasks import Errand, Standing, look
from perennial.reconcile.training.observed import Observed


@dataclass(frozen=True)
class Remeasured:
    """A run with all that its gates need, or where the Job stands that measures it."""

    run: RunRecord
    standing: Standing | None = None  # of a Job whose answer is not there
    lacks: tuple[str, ...] = ()
    cpu_seconds: float | None = None  # of the Job that has just answered

    @property
    def waits(self) -> bool:
        """Whether an answer is still to come."""
        return self.standing is not None and self.standing.state in ("Owed", "Running")


async def remeasure(seen: Observed, run: RunRecord, ctx: Context) -> Remeasured:
    """The run as its gates need it; makes no Job.

    Raises:
        StorageError: storage did not answer.
    """
    models = registry(ctx, seen.namespace, seen.training.model)
    champion = await in_store(ctx, lambda: models.aliases.read("champion"))
    evaluation = seen.training.spec.evaluation
    gates, against = evaluation.gates if evaluation else (), champion.run_digest if champion else None
    lacks = lacking(gates, run, against)
    if not lacks:
        return Remeasured(run)
    asked = evaluation.to_json_dict() if evaluation else {}
    question = digest_of({"kind": "Evaluate", "run": run.run_digest, "champion": against, "evaluation": asked})
    kept = await in_store(ctx, lambda: models.evaluations.read(run.run_digest, question))
    if kept is not None:
        return Remeasured(merged(run, Reevaluation.model_validate(kept)))
    standing = await look(_errand(seen, run, champion, question, ctx), ctx)
    answer = standing.answer
    if answer is None:
        return Remeasured(run, standing, tuple(lacks))
    await in_store(ctx, lambda: models.evaluations.write(run.run_digest, question, json.loads(answer)))
    return Remeasured(merged(run, Reevaluation.from_json(answer)), cpu_seconds=standing.cpu_seconds)


def merged(run: RunRecord, again: Reevaluation) -> RunRecord:
    """The run with what was measured again in the place of what it measured first. Pure."""
    new = {(c.against, c.metric) for c in again.comparisons}
    kept = [c for c in run.comparisons if (c.against, c.metric) not in new]
    return run.model_copy(
        update={
            "metrics": {**run.metrics, **again.metrics},
            "slices": again.slices or run.slices,
            "comparisons": [*kept, *again.comparisons],
            "expected_shift": run.expected_shift if again.expected_shift is None else again.expected_shift,
        }
    )


def _errand(seen: Observed, run: RunRecord, champion: AliasRecord | None, question: str, ctx: Context) -> Errand:
    training = seen.training
    task = Task(
        kind="Evaluate",
        namespace=seen.namespace,
        model=training.model,
        training=training.metadata.name,
        uid=training.metadata.uid,
        registry=ctx.config.registry,
        run_key=bare(question),
        run_digest=run.run_digest,
        spec=seen.body["spec"],
        champion=Champion(run_digest=champion.run_digest, version=champion.number) if champion else None,
    )
    return Errand(seen.body, task)
