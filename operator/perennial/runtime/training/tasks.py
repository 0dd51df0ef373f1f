"""Which work a task asks for. One line per kind; the work itself is in the modules named."""

from pathlib import Path

from perennial.api.records.task import Outcome, Task
from perennial.runtime.training.accounting import Accounting
from perennial.runtime.training.failures import TrainingFailure
from perennial.runtime.training.progress import StageClock
from perennial.runtime.training.run import train


def perform(task: Task, *, scratch: Path, attempt: str, clock: StageClock, accounting: Accounting) -> Outcome:
    """Do what the task says.

    Raises:
        TrainingFailure: it cannot be done.
        StorageError: storage did not answer.
    """
    if task.kind == "Train":
        return train(task, scratch=scratch, attempt=attempt, clock=clock, accounting=accounting).outcome
    raise TrainingFailure(f"this trainer cannot do tasks of the kind {task.kind}; use the image of the same release")
