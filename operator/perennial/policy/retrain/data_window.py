"""Which rows a new run trains on, fixed at the moment of the decision."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from perennial.api.fields import parse_duration
from perennial.policy.retrain.snapshot import PolicySnapshot

SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class DataBounds:
    """start ≤ t < end; both None: all rows that the URI holds."""

    start: datetime | None = None
    end: datetime | None = None


def data_bounds(policy: PolicySnapshot, now: datetime) -> DataBounds:
    """`last`: to − last ≤ t < to, with to = min(now − labels.delay, newest t in the data); whole seconds.

    The newest row itself is inside: `to` is one second after it. Without `data` in the spec the training's own
    bounds stand, which `DataBounds()` leaves alone.
    """
    data = policy.spec.data
    if data is None or data.last is None:
        return DataBounds()
    end = (now - timedelta(seconds=policy.label_delay)).replace(microsecond=0)
    if policy.labels.newest is not None:
        end = min(end, policy.labels.newest.replace(microsecond=0) + SECOND)
    return DataBounds(end - parse_duration(data.last), end)
