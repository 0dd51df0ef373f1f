"""Which work a task asks for. One line per kind; the work itself is in the modules named."""

from collections.abc import Callable
from pathlib import Path

from perennial.api.records.record import Record
from perennial.api.records.task import Outcome, Task
from perennial.runtime.training.accounting import Accounting
from perennial.runtime.training.failures import TrainingFailure
from perennial.runtime.training.progress import StageClock
from perennial.runtime.training.run import context_of, train
from perennial.store import open_store
from perennial.store.layout import ModelKeys
from perennial.store.objects import JSON


def perform(task: Task, *, scratch: Path, attempt: str, clock: StageClock, accounting: Accounting) -> Outcome:
    """Do what the task says.

    Raises:
        TrainingFailure: it cannot be done.
        StorageError: storage did not answer.
    """
    if task.kind == "Train":
        return train(task, scratch=scratch, attempt=attempt, clock=clock, accounting=accounting).outcome
    if task.kind == "Trial":
        return _tried(task, scratch, attempt, clock, accounting)
    kinds: dict[str, Callable[[], Record]] = {
        "Evaluate": lambda: _reevaluated(task, scratch, attempt, clock, accounting),
        "CountRows": lambda: _counted(task),
        "JoinLabels": lambda: _joined(task),
        "CheckData": lambda: _checked(task),
    }
    if task.kind not in kinds:
        raise TrainingFailure(
            f"this trainer cannot do tasks of the kind {task.kind}; use the image of the same release"
        )
    result = kinds[task.kind]()
    return _stored(task, attempt, result, accounting)


def result_key(task: Task, attempt: str) -> str:
    """Where the result of a task other than training lies, relative to the registry: under the question's identity,
    so that whoever asks finds it without the pod."""
    return ModelKeys(task.namespace, task.model).attempt(task.run_key, attempt, f"{task.kind.lower()}.json")


def _stored(task: Task, attempt: str, result: Record, accounting: Accounting) -> Outcome:
    key = result_key(task, attempt)
    open_store(task.registry).put(key, result.to_json(), content_type=JSON)
    return Outcome(
        outcome="Succeeded", stage="publish", run_digest=task.run_digest, result_key=key, cost=accounting.cost()
    )


def _tried(task: Task, scratch: Path, attempt: str, clock: StageClock, accounting: Accounting) -> Outcome:
    from perennial.runtime.training.trial import try_one

    return try_one(context_of(task, scratch, attempt, clock, accounting))


def _reevaluated(task: Task, scratch: Path, attempt: str, clock: StageClock, accounting: Accounting) -> Record:
    from perennial.runtime.training.reevaluate import reevaluate

    return reevaluate(context_of(task, scratch, attempt, clock, accounting))


def _counted(task: Task) -> Record:
    from perennial.runtime.training.counting import count_rows

    return count_rows(task)


def _joined(task: Task) -> Record:
    from perennial.runtime.training.joining import join_labels

    return join_labels(task)


def _checked(task: Task) -> Record:
    from perennial.runtime.training.soundness import check_data

    return check_data(task)
