"""A run on this machine instead of in a pod: same stages and digests; the outcome is returned, not left in a file."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import unquote, urlsplit

from perennial.api.identities import run_key
from perennial.api.records.task import Champion, ExitCode, Outcome, Task
from perennial.api.training import ModelTraining
from perennial.runtime.training import endings
from perennial.runtime.training.accounting import Accounting
from perennial.runtime.training.pod import LOGS, attempt_name, log_to
from perennial.runtime.training.progress import Listener, StageClock
from perennial.runtime.training.run import Finished, train
from perennial.store import open_store
from perennial.store.registry import Registry

DEFAULT_NAMESPACE = "default"
RETRAIN = "perennial.dev/retrain"


def task_of(training: ModelTraining, *, registry: str) -> Task:
    """The task that the operator would hand to a pod for this object, with the champion that the registry names."""
    namespace = training.metadata.namespace or DEFAULT_NAMESPACE
    if registry.startswith("file://"):
        Path(unquote(urlsplit(registry).path)).mkdir(parents=True, exist_ok=True)
    alias = Registry(open_store(registry), namespace, training.model).aliases.read("champion")
    retrain = training.metadata.annotations.get(RETRAIN)
    return Task(
        namespace=namespace,
        model=training.model,
        training=training.metadata.name,
        uid=training.metadata.uid or "",
        registry=registry,
        run_key=run_key(training.spec.normalised(), model=training.model, retrain=retrain),
        spec=training.spec.to_json_dict(),
        retrain=retrain,
        champion=Champion(run_digest=alias.run_digest, version=alias.number) if alias else None,
    )


@dataclass(frozen=True)
class Ended:
    """How a run on this machine ended."""

    code: ExitCode
    outcome: Outcome
    finished: Finished | None = None  # None: there is no run, and the outcome says why
    champion: str | None = None  # run digest that it was compared with


def train_locally(training: ModelTraining, *, registry: str, listener: Listener) -> Ended:
    """Train what the object asks for."""
    clock = StageClock(Accounting(in_pod=False), listener)
    try:
        task = task_of(training, registry=registry)
    except Exception as error:
        return Ended(*endings.of_error(error, clock.stage))
    return perform_locally(task, clock)


def perform_locally(task: Task, clock: StageClock) -> Ended:
    """Train what the task asks for, in a scratch folder that does not outlive it."""
    with TemporaryDirectory(prefix="perennial-") as folder:
        scratch = Path(folder)
        log_to(scratch / LOGS, stderr=False)
        try:
            done = train(task, scratch=scratch, attempt=attempt_name(), clock=clock, accounting=clock.accounting)
            return Ended(ExitCode.OK, done.outcome, done, task.champion.run_digest if task.champion else None)
        except Exception as error:
            return Ended(*endings.of_error(error, clock.stage))
        finally:
            clock.accounting.stop()
