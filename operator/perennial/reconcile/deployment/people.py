"""What people say about a rollout: the annotations perennial.dev/promote, rollback and accept-signature.

Their form is `<version> <user> <reason …>`, with 0 for a run without a version. The chart's ValidatingAdmissionPolicy
sees to it that the user is the requester and may do so. Each value acts once: it is recorded in `status.acted`.
"""

from dataclasses import dataclass, replace

from perennial.api.group import ACCEPT_SIGNATURE, PROMOTE, ROLLBACK
from perennial.policy.rollout import RolloutState
from perennial.reconcile.deployment.observed import Observed


@dataclass(frozen=True, slots=True)
class Said:
    """Words that have not acted yet."""

    promote: bool = False
    rollback: str = ""
    signature_accepted: bool = False
    lifted_version: int | None = None
    acted: tuple[tuple[str, str], ...] = ()  # annotation, value: recorded with this look's status

    def lifted(self, state: RolloutState) -> RolloutState:
        """The state without the rejection of the version that a person wants promoted all the same."""
        if self.lifted_version is None:
            return state
        artifacts = {e.artifact for e in state.history if (e.version or 0) == self.lifted_version}
        return replace(state, rejected=tuple(r for r in state.rejected if r.artifact not in artifacts))


def said(seen: Observed) -> Said:
    """The words that are new to this object."""
    notes, acted = seen.deployment.metadata.annotations, seen.deployment.status.acted
    new = {key: notes[key] for key in (PROMOTE, ROLLBACK) if notes.get(key) and acted.get(key) != notes[key][:128]}
    candidate = seen.state.candidate
    promote, rollback = _word(new.get(PROMOTE, "")), _word(new.get(ROLLBACK, ""))
    accepted = _word(notes.get(ACCEPT_SIGNATURE, ""))
    return Said(
        promote=bool(promote and candidate and promote[0] == candidate.revision.number),
        rollback=f"asked for by {rollback[1]}: {rollback[2] or 'no reason given'}" if rollback else "",
        signature_accepted=bool(accepted and candidate and accepted[0] == candidate.revision.number),
        lifted_version=promote[0] if promote else None,
        acted=tuple((key, value[:128]) for key, value in new.items()),
    )


def _word(text: str) -> tuple[int, str, str] | None:
    version, _, rest = text.strip().partition(" ")
    user, _, reason = rest.strip().partition(" ")
    return (int(version), user, reason.strip()) if version.isdigit() and user else None
