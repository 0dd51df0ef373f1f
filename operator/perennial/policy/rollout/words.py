"""What a person's word about a promotion or rollback comes to: taken up now, waiting for its candidate, lifting a
rejection, or refused, and why. Pure. That the person may say it is the admission policy's to see to."""

from dataclasses import dataclass, replace
from typing import Self

from perennial.policy.rollout.ending import taken_back
from perennial.policy.rollout.facts import Wanted
from perennial.policy.rollout.move import named
from perennial.policy.rollout.state import Candidate, RolloutState

FORM = "'<version> <your user name> <reason>'"
UNREACHABLE = "StorageUnavailable"
"""Reason of a look that could not find out what is wanted: no word is refused for that."""


@dataclass(frozen=True, slots=True)
class Word:
    """The value of an annotation: about which version, who, and why."""

    version: int  # 0 for a run without one
    user: str
    reason: str

    @classmethod
    def of(cls, text: str) -> Self | None:
        """The word that an annotation's value says; None when it has another form."""
        version, _, rest = text.strip().partition(" ")
        user, _, reason = rest.strip().partition(" ")
        return cls(int(version), user, reason.strip()) if _is_number(version) and user else None

    @property
    def told(self) -> str:
        """Who said it, and why."""
        return f"{self.user[:128]}: {self.reason[:256] or 'no reason given'}"


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of a word.

    Args:
        state: the rollout as it stands with it.
        promote: who asked, for the candidate that may be started in this look.
        waits: it is neither taken up nor refused yet, and looked at again.
        refused: why nothing comes of it, and what to do; empty: something does.
    """

    state: RolloutState
    promote: str = ""
    waits: bool = False
    refused: str = ""


def hear_promotion(state: RolloutState, wanted: Wanted, text: str) -> Heard:
    """What the word `perennial.dev/promote` comes to.

    It is about the candidate, or about the wanted revision that is none yet. It is never kept for a version that nobody
    asks to be served: promoted without a look when it comes one day, it would be a surprise.
    """
    word, candidate, revision = Word.of(text), state.candidate, wanted.revision
    if word is None:
        return Heard(state, refused=f"perennial.dev/promote is '{text[:64]}'; write {FORM}")
    if candidate is not None and candidate.revision.number == word.version and _stays(candidate, wanted):
        return Heard(replace(state, candidate=replace(candidate, promoted=word.told)))
    lifted = _lifted(state, wanted, word.version)
    if lifted is not None:
        return Heard(lifted)
    is_stable = revision is not None and state.stable is not None and revision.key == state.stable.key
    if revision is not None and revision.number == word.version and not is_stable:
        return Heard(state, promote=word.told, waits=True)
    if revision is None and wanted.reason == UNREACHABLE:
        return Heard(state, waits=True)
    return Heard(state, refused=_why(state, wanted, word.version))


def refuse_rollback(state: RolloutState, text: str) -> str:
    """Why the word `perennial.dev/rollback` cannot be about what a rollback would take back now; empty: it is.

    A word outlives the version that it was said about: it must not hit the next one.
    """
    word, target = Word.of(text), taken_back(state)
    if word is None:
        return f"perennial.dev/rollback is '{text[:64]}'; write {FORM}"
    if target is not None and target.number != word.version:
        return (
            f"version {word.version} is not the one that a rollback would take back now: {named(target)} is. If that "
            f"is meant, set perennial.dev/rollback='{target.number} <your user name> <reason>'"
        )
    return ""


def _stays(candidate: Candidate, wanted: Wanted) -> bool:
    """Whether a candidate is not about to make way for another revision, maybe of the same version."""
    return candidate.direct or wanted.revision is None or wanted.revision.key == candidate.revision.key


def _lifted(state: RolloutState, wanted: Wanted, version: int) -> RolloutState | None:
    """The state without the rejection of a version, None when it was not rejected."""
    artifacts = {e.artifact for e in state.history if (e.version or 0) == version}
    if wanted.revision is not None and wanted.revision.number == version:
        artifacts.add(wanted.revision.artifact)
    kept = tuple(r for r in state.rejected if r.artifact not in artifacts)
    return replace(state, rejected=kept) if len(kept) < len(state.rejected) else None


def _why(state: RolloutState, wanted: Wanted, version: int) -> str:
    if state.stable is not None and state.stable.number == version:
        return f"{named(state.stable)} answers all requests already, and no other is on its way in"
    asked_for = state.candidate.revision if state.candidate else wanted.revision
    there = f"{named(asked_for)} is what is asked for" if asked_for else f"no version is asked for: {wanted.message}"
    return (
        f"version {version} is not on its way in; {there}. Approve version {version} or pin it (spec.model.version), "
        f"then set perennial.dev/promote again with another reason: each value acts once"
    )


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 9
