"""What the short Jobs of a policy cost, by day: each is counted once, in the status write that first sees its end."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from perennial.api.retrain_status import BudgetStatus, DayCost
from perennial.policy.retrain.snapshot import DaySpent
from perennial.reconcile.tasks import Standing


@dataclass(frozen=True)
class Ledger:
    """CPU seconds by day, oldest first, and the Jobs that were counted last."""

    days: tuple[DayCost, ...] = ()
    counted: tuple[str, ...] = ()

    @property
    def spent(self) -> tuple[DaySpent, ...]:
        """As the budget sees it."""
        return tuple(DaySpent(datetime.fromisoformat(d.day).replace(tzinfo=UTC), d.cpu_seconds) for d in self.days)


def ledger(old: BudgetStatus | None, standings: Iterable[Standing], now: datetime) -> Ledger:
    """What was known, and the cost of Jobs that have ended since. Pure."""
    days = {d.day: d.cpu_seconds for d in old.tasks} if old else {}
    counted = list(old.counted) if old else []
    today = now.date().isoformat()
    for standing in standings:
        name = standing.errand.name
        if standing.cpu_seconds is not None and name not in counted:
            days[today] = round(days.get(today, 0.0) + standing.cpu_seconds, 3)
            counted.append(name)
    return Ledger(tuple(DayCost(day=day, cpu_seconds=cost) for day, cost in sorted(days.items())), tuple(counted))
