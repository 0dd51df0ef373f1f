"""One trial of a search in a pod of its own: which, follows from the pod's index; its result is left in storage.

What the trial tries is a function of the seed and of the results of the rounds before, so it does not matter when or
how often the pod runs.
"""

import os

from perennial.api.algorithm import Candidate
from perennial.api.records.task import Outcome
from perennial.api.records.trial import TrialRecord
from perennial.api.rounds import rounds
from perennial.runtime.training.claim import name_run
from perennial.runtime.training.context import Context
from perennial.runtime.training.failures import TrainingFailure
from perennial.runtime.training.known import KnownTrials, known_trials
from perennial.runtime.training.learn import made_ready
from perennial.runtime.training.refine import conditions
from perennial.runtime.training.resolve import Resolved
from perennial.runtime.training.suggest import Result, Suggestion, next_round

INDEX = "JOB_COMPLETION_INDEX"
"""Set by Kubernetes in the pods of an Indexed Job."""
ROUND = "round"


def try_one(context: Context) -> Outcome:
    """Run the trial of this pod, unless its result is there.

    An estimator that raises is a result too: the trial scores worst, as it would in a pod that runs all trials.

    Raises:
        TrainingFailure: data or spec are at fault whatever is tried.
        StorageError: storage is.
    """
    with context.clock.running("resolve"):
        resolved = name_run(context)
        run = context.runs.read(resolved.run_digest) if context.request.reuse else None
    if run is not None:
        context.runs.point(context.task.run_key, run.run_digest)
        return _told(context, resolved, "Reused", "the run exists already")
    number, index = _which(context)
    if context.trials.read(resolved.run_digest, (number, index)) is not None:
        return _told(context, resolved, "Reused", f"trial {index} has ended already")
    base = context.request.designs[number]
    suggestion = _suggested(context, known_trials(context, resolved.run_digest), number, index)
    record = _tried(context, resolved, (number, base), suggestion)
    context.trials.write(resolved.run_digest, record)
    shown = record.failure or f"{record.metric} {record.score}"
    return _told(context, resolved, "Failed" if record.failure else "Succeeded", f"trial {index}: {shown}")


def _which(context: Context) -> tuple[int, int]:
    """Number of the design and index of the trial: a round's trials, design after design."""
    assert context.request.search is not None  # noqa: S101  a task of this kind has one
    one = rounds(context.request.search)[int(context.task.parameters[ROUND])]
    try:
        design, within = divmod(int(os.environ[INDEX]), one.trials)
    except (KeyError, ValueError):
        raise TrainingFailure(
            f"the environment variable {INDEX} holds no index; a trial runs in an Indexed Job"
        ) from None
    return design, one.first + within


def _suggested(context: Context, known: KnownTrials, design: int, index: int) -> Suggestion:
    search = context.request.search
    assert search is not None  # noqa: S101  a task of this kind has one
    done: list[Result] = []
    while suggestions := next_round(search, context.request.seed, done):
        if suggestions[0].index <= index <= suggestions[-1].index:
            return suggestions[index - suggestions[0].index]
        for suggestion in suggestions:
            result = known.of(design, suggestion)
            if result is None:
                raise TrainingFailure(f"trial {suggestion.index} of an earlier round has no result in storage yet")
            done.append(result)
    raise TrainingFailure(f"the search has no trial {index}; its rounds end at {len(done)}")


def _tried(context: Context, resolved: Resolved, design: tuple[int, Candidate], suggestion: Suggestion) -> TrialRecord:
    number, base = design
    ready = made_ready(context, resolved)
    with context.clock.running("refine"):
        metric, trials = conditions(ready.prepared, ready.sides, context.request)
        result = trials.run(base, suggestion)
    failure = trials.failure() if result.score is None else None
    return TrialRecord(
        design=number,
        index=suggestion.index,
        parameters=dict(suggestion.parameters),
        share=suggestion.share,
        metric=metric,
        score=result.score,
        se=result.se,
        failure=result.failure,
        reason=failure.reason if failure else "",
        exit_code=int(failure.code) if failure else 0,
        cost=context.accounting.cost(),
        attempt=context.attempt,
    )


def _told(context: Context, resolved: Resolved, outcome: str, message: str) -> Outcome:
    return Outcome.model_validate(
        {
            "outcome": outcome,
            "message": message,
            "stage": context.clock.stage,
            "runDigest": resolved.run_digest,
            "dataDigest": resolved.data_digest,
            "cost": context.accounting.cost(),
        }
    )
