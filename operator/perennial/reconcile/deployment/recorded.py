"""The rollout state as it stands in a ModelDeployment's status, and back. Pure."""

from datetime import datetime, timedelta

from perennial.api.deployment_status import (
    AnalysisStatus,
    CandidateStatus,
    HistoryEntry,
    ModelDeploymentStatus,
    PreviousStatus,
    Rejected,
    StableStatus,
)
from perennial.api.fields import format_time, parse_time
from perennial.policy.rollout import Candidate, Previous, Revision, RolloutState, Rules, Stage
from perennial.policy.rollout.shape import weight
from perennial.policy.rollout.state import Event, Rejection


def recorded_state(status: ModelDeploymentStatus) -> RolloutState:
    """The state that the status remembers."""
    return RolloutState(
        stable=_revision(status.stable) if status.stable else None,
        candidate=_candidate(status.candidate) if status.candidate else None,
        previous=_previous(status.previous) if status.previous else None,
        rejected=tuple(Rejection(r.artifact, r.reason, parse_time(r.at)) for r in status.rejected),
        history=tuple(Event(e.version, e.artifact or "", e.result, e.reason, parse_time(e.at)) for e in status.history),
    )


def _revision(part: StableStatus | CandidateStatus | PreviousStatus) -> Revision:
    return Revision(
        key=part.revision,
        artifact=part.artifact or "",
        image=part.server_image or "",
        version=part.version,
        run=part.run_digest or "",
        data=part.data_digest or "",
        since=parse_time(part.since) if part.since else None,
    )


def _candidate(part: CandidateStatus) -> Candidate:
    since = parse_time(part.since) if part.since else datetime.min
    started = parse_time(part.started) if part.started else since
    stage = Stage(part.stage) if part.stage else Stage.PREPARING
    return Candidate(
        _revision(part),
        stage,
        since,
        started,
        step=part.step or 0,
        direct=bool(part.direct),
        apart=bool(part.apart),
        promoted=part.promoted_by or "",
    )


def _previous(part: PreviousStatus) -> Previous:
    since = parse_time(part.since) if part.since else datetime.min
    return Previous(_revision(part), since, baking=bool(part.baking), apart=bool(part.apart))


def state_parts(
    state: RolloutState, rules: Rules, analysis: list[AnalysisStatus], message: str, *, copies: int = 0
) -> dict[str, object]:
    """The fields of the status that hold a state.

    Args:
        analysis: rows on the candidate, or on the stable revision while it bakes.
        copies: percent of its own requests that stable copies to the candidate.
    """
    rows = analysis if state.previous is not None and state.previous.baking else []
    return {
        "stable": StableStatus.model_validate({**_dump(state.stable), "analysis": rows}) if state.stable else None,
        "candidate": _candidate_part(state.candidate, rules, analysis, message, copies) if state.candidate else None,
        "previous": _previous_part(state.previous, rules) if state.previous else None,
        "rejected": [Rejected(artifact=r.artifact, reason=r.reason, at=_time(r.at)) for r in state.rejected],
        "history": [
            HistoryEntry(version=e.version, artifact=e.artifact, result=e.result, reason=e.reason, at=_time(e.at))
            for e in state.history
        ],
    }


def _dump(revision: Revision) -> dict[str, object]:
    return {
        "version": revision.version,
        "revision": revision.key,
        "artifact": revision.artifact,
        "runDigest": revision.run or None,
        "dataDigest": revision.data or None,
        "serverImage": revision.image or None,
        "since": _time(revision.since) if revision.since else None,
    }


def _candidate_part(
    candidate: Candidate, rules: Rules, analysis: list[AnalysisStatus], message: str, copies: int
) -> CandidateStatus:
    return CandidateStatus.model_validate(
        {
            **_dump(candidate.revision),
            "stage": candidate.stage.value,
            "step": candidate.step,
            "direct": candidate.direct or None,
            "apart": candidate.apart or None,
            "promotedBy": candidate.promoted or None,
            "weight": weight(candidate, rules),
            "mirror": copies or None,
            "since": _time(candidate.since),
            "started": _time(candidate.started),
            "analysis": analysis,
            "message": message,
        }
    )


def _previous_part(previous: Previous, rules: Rules) -> PreviousStatus:
    until = previous.since + rules.bake + (timedelta(0) if previous.baking else rules.keep_for)
    return PreviousStatus.model_validate(
        {
            **_dump(previous.revision),
            "since": _time(previous.since),
            "until": _time(until),
            "baking": previous.baking,
            "apart": previous.apart or None,
        }
    )


def _time(moment: datetime) -> str:
    return format_time(moment)
