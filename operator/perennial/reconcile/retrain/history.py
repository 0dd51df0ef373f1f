"""Which finished children the history limits no longer keep. Their runs and versions stay in the registry. Pure."""

from collections.abc import Mapping

from perennial.api import ModelTraining
from perennial.api.retrain import History
from perennial.api.retrain_status import RunEntry

GOOD = frozenset({"Promoted", "Approved", "Pending", "NotEnoughEvidence"})
BAD = frozenset({"Refused", "Overtaken", "Failed"})


def superfluous(children: Mapping[str, ModelTraining], runs: list[RunEntry], limits: History) -> list[ModelTraining]:
    """Finished children beyond `succeeded` good and `failed` bad ones, oldest first."""
    ended = [r for r in runs if r.training in children]
    surplus = [
        *_oldest([r for r in ended if r.outcome in GOOD], limits.succeeded),
        *_oldest([r for r in ended if r.outcome in BAD], limits.failed),
    ]
    return [children[r.training] for r in surplus if not children[r.training].metadata.deletion_timestamp]


def _oldest(runs: list[RunEntry], keep: int) -> list[RunEntry]:
    return runs[: max(0, len(runs) - keep)]
