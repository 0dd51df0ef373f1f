"""What every stage of one run shares. Frozen; made once by the driver."""

from dataclasses import dataclass
from pathlib import Path

from perennial.api.records.task import Task
from perennial.runtime.training.accounting import Accounting
from perennial.runtime.training.progress import StageClock
from perennial.runtime.training.request import Request
from perennial.store.runs import Runs
from perennial.store.trials import TrialResults


@dataclass(frozen=True)
class Context:
    """One attempt at one run."""

    task: Task
    request: Request
    runs: Runs
    trials: TrialResults
    clock: StageClock
    accounting: Accounting
    scratch: Path  # a writable folder of this attempt's own
    attempt: str  # UID of the pod, or a name of this process
