"""What a documented reason is, and the one table that holds them all."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason of a condition, an event or a failure: what it means and what a person does about it."""

    name: str
    topic: str
    meaning: str
    remedy: str
    warning: bool


REASONS: dict[str, Reason] = {}
"""Every reason by its name; filled when `perennial.api.reasons` is imported."""

NOTHING = "Nothing to do."


class Topic:
    """Adds the reasons of one topic to the table."""

    def __init__(self, name: str) -> None:
        self._name = name

    def fine(self, name: str, meaning: str, remedy: str = NOTHING) -> str:
        """A reason that nobody need worry about; returns its name."""
        return self._add(Reason(name, self._name, meaning, remedy, warning=False))

    def warning(self, name: str, meaning: str, remedy: str) -> str:
        """A reason that wants somebody to act; returns its name."""
        return self._add(Reason(name, self._name, meaning, remedy, warning=True))

    def _add(self, reason: Reason) -> str:
        if reason.name in REASONS:
            raise ValueError(f"reason {reason.name} is documented twice")
        REASONS[reason.name] = reason
        return reason.name
