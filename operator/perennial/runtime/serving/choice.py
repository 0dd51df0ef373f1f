"""Where a request goes: answered here, sent on, or answered here and copied. Pure arithmetic on a hash."""

import hashlib
from typing import NamedTuple

from perennial.api.records.server import SLOTS, RolloutPlan

_SHARES = 1 << 26


class Choice(NamedTuple):
    """Where a request goes. `slot` is its hash slot."""

    slot: int
    forward: bool = False
    mirror: bool = False


def choose(plan: RolloutPlan, value: bytes | None, number: int) -> Choice:
    """Where a request goes.

    Args:
        plan: the plan in force.
        value: the sticky header's value, or None.
        number: 32 random bits, used when there is no value.
    """
    bits = number if value is None else _hash(plan.sticky_key or plan.rollout, value)
    slot, position = bits % SLOTS, (bits >> 6) / _SHARES * 100
    if not plan.candidate_url:
        return Choice(slot)
    if position < plan.weight:
        return Choice(slot, forward=True)
    rest = 100 - plan.weight
    return Choice(slot, mirror=bool(rest) and (position - plan.weight) / rest * 100 < plan.mirror)


def _hash(key: str, value: bytes) -> int:
    """32 bits, independent from one rollout to the next: a linear hash such as CRC would pick the same users again."""
    digest = hashlib.blake2b(value, digest_size=4, key=hashlib.sha256(key.encode()).digest()).digest()
    return int.from_bytes(digest, "little")
