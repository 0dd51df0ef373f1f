"""What people say about a rollout: the annotations perennial.dev/promote, rollback and accept-signature.

Their form is `<version> <user> <reason …>`, with 0 for a run without a version. The chart's ValidatingAdmissionPolicy
sees to it that the user is the requester and may do so. Each value of the first two acts once: it is recorded in
`status.acted` when something came of it or it was refused, with an event that says why.
"""

from dataclasses import dataclass, field

from perennial.api.group import ACCEPT_SIGNATURE, PROMOTE, ROLLBACK
from perennial.policy.rollout import Move, RolloutState, Wanted
from perennial.policy.rollout.words import Heard, Word, hear_promotion, refuse_rollback
from perennial.reconcile.deployment.observed import Observed
from perennial.reconcile.status import EventIntent

NOTHING_TO_TAKE_BACK = (
    "there is nothing to roll back: no candidate but a way back from a rejected version, and no previous revision "
    "any more. To serve an earlier version, pin it: spec.model.version"
)


@dataclass(frozen=True, slots=True)
class Said:
    """Words of people as this look heard them."""

    heard: Heard
    rollback: str = ""  # who asked for it, and why
    no_rollback: str = ""  # why nothing comes of having asked
    signature_accepted: bool = False
    new: dict[str, str] = field(default_factory=dict)  # annotation → value that nothing came of yet

    @property
    def state(self) -> RolloutState:
        """The rollout as it stands with these words."""
        return self.heard.state

    def acted(self, move: Move) -> dict[str, str]:
        """Annotation → value that is done with after this look."""
        candidate = move.state.candidate
        waits = self.heard.waits and not (self.heard.promote and candidate and candidate.promoted)
        return {key: value[:128] for key, value in self.new.items() if not (key == PROMOTE and waits)}

    def refusals(self, move: Move) -> list[EventIntent]:
        """What people are told where nothing came of their words."""
        told = [("PromotionRefused", "Promote", self.heard.refused)] if self.heard.refused else []
        if ROLLBACK in self.new and move.reason != "RollbackRequested":
            told.append(("RollbackRefused", "Rollback", self.no_rollback or NOTHING_TO_TAKE_BACK))
        return [EventIntent("Warning", reason, action, message) for reason, action, message in told]


def said(seen: Observed, want: Wanted) -> Said:
    """The words that are new to this object."""
    notes, acted = seen.deployment.metadata.annotations, seen.deployment.status.acted
    new = {key: notes[key] for key in (PROMOTE, ROLLBACK) if notes.get(key) and acted.get(key) != notes[key][:128]}
    rollback, accepted = Word.of(new.get(ROLLBACK, "")), Word.of(notes.get(ACCEPT_SIGNATURE, ""))
    no_rollback = refuse_rollback(seen.state, new[ROLLBACK]) if ROLLBACK in new else ""
    candidate = seen.state.candidate
    return Said(
        heard=hear_promotion(seen.state, want, new[PROMOTE]) if PROMOTE in new else Heard(seen.state),
        rollback=f"asked for by {rollback.told}" if rollback and not no_rollback else "",
        no_rollback=no_rollback,
        signature_accepted=bool(accepted and candidate and accepted.version == candidate.revision.number),
        new=new,
    )
