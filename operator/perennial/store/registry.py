"""The registry of one model in one hand: runs, trials, versions, aliases, evaluations. Their modules do the work."""

from collections.abc import Iterator

from perennial.store.aliases import Aliases
from perennial.store.evaluations import Evaluations
from perennial.store.layout import NAMESPACE_FOLDERS, ModelKeys
from perennial.store.objects import ObjectStore
from perennial.store.runs import Runs
from perennial.store.trials import TrialResults
from perennial.store.versions import Versions


class Registry:
    """What is stored of one model of one namespace, below the registry's URI."""

    def __init__(self, store: ObjectStore, namespace: str, model: str) -> None:
        self.keys = ModelKeys(namespace, model)
        self.runs = Runs(store, self.keys)
        self.trials = TrialResults(store, self.keys)
        self.versions = Versions(store, self.keys)
        self.aliases = Aliases(store, self.keys)
        self.evaluations = Evaluations(store, self.keys)


def models(store: ObjectStore, namespace: str) -> Iterator[str]:
    """Names of all models that the registry holds of a namespace."""
    for folder in store.prefixes(f"{namespace}/"):
        name = folder.removeprefix(f"{namespace}/").rstrip("/")
        if name not in NAMESPACE_FOLDERS:
            yield name
