"""Writing the end of a run into the registry: verdict, version, aliases. Blocking; every step is idempotent.

A crash anywhere in here is mended by doing all of it again: claims are by token, states are compared before they
are written, and an alias moves once for a transition.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from perennial.api.evaluation import Gate
from perennial.api.fields import format_time
from perennial.api.records.run import RunRecord, VersionRecord
from perennial.api.training_status import GateStatus
from perennial.policy.gates import Verdict, judge, verdict_of
from perennial.store.aliases import AliasName
from perennial.store.evaluations import evaluation_digest
from perennial.store.registry import Registry

GATES = "gates"
APPROVED_AND_CHAMPION: tuple[AliasName, ...] = ("approved", "champion")


@dataclass(frozen=True, slots=True)
class Ask:
    """What a ModelTraining asks of a finished run."""

    gates: Sequence[Gate]
    manual: bool
    token: str  # of the claim: the same after a crash
    transition: str  # identity of the change that asked for the run
    started: datetime  # of that transition
    followed: bool  # a ModelDeployment follows the model and moves the champion alias itself
    image: str = ""  # what the run's code was run from, where its pod was seen


@dataclass(frozen=True, slots=True)
class Concluded:
    """What became of a run."""

    run: RunRecord
    number: int
    gates: tuple[GateStatus, ...]
    verdict: Verdict
    approved_by: str
    image: str = ""  # what the run's code was run from, as the version's record says


class ChampionMoved(Exception):
    """The champion is another one than the run was judged against; judge again."""


def conclude(registry: Registry, run: RunRecord, ask: Ask, now: datetime) -> Concluded:
    """Judge a run, number it, and move the aliases if it is approved.

    Raises:
        ChampionMoved: between judging and approving.
        StorageError: storage did not take a write; nothing is lost, the next look goes on from there.
    """
    at = format_time(now.replace(microsecond=0))
    champion, etag = registry.aliases.state("champion")
    against = champion.run_digest if champion else None
    gates = tuple(judge(ask.gates, run, champion=against))
    version = registry.versions.claim(run.run_digest, ask.token, at=at, image=ask.image)
    verdict = _with_people(verdict_of(gates, manual=ask.manual), version)
    if verdict.state == "Approved" and registry.aliases.state("champion")[1] != etag:
        raise ChampionMoved
    _record_evaluation(registry, run, ask, gates, verdict, (against, etag))
    if not verdict.by_person:
        version = registry.versions.set_state(
            version.number, verdict.state, reasons=[verdict.reason], at=at, message=verdict.message, by=GATES
        )
    if verdict.state == "Approved":
        target = Target(version.number, run.run_digest, ask.transition, format_time(ask.started))
        move(registry, target, at, followed=ask.followed)
    by = approver(version) if verdict.state == "Approved" else ""
    return Concluded(run, version.number, gates, verdict, by, version.image)


@dataclass(frozen=True, slots=True)
class Target:
    """Where an alias goes, and because of what."""

    number: int
    run_digest: str
    transition: str
    started: str


def move(registry: Registry, target: Target, at: str, *, followed: bool) -> None:
    """Move `approved`, and `champion` too while no ModelDeployment follows the model; once for a transition."""
    for alias in APPROVED_AND_CHAMPION[:1] if followed else APPROVED_AND_CHAMPION:
        registry.aliases.move(
            alias,
            number=target.number,
            run_digest=target.run_digest,
            by=target.transition,
            at=at,
            started=target.started,
        )


def approver(version: VersionRecord) -> str:
    """The person who approved a version, empty where the gates did."""
    by = next((e.by for e in reversed(version.history) if e.state == "Approved"), "")
    return "" if by == GATES else by


def _with_people(verdict: Verdict, version: VersionRecord) -> Verdict:
    """A person's word about a pending version stands above the gates' pending."""
    said = next((e for e in reversed(version.history) if e.by not in ("", GATES)), None)
    if verdict.state != "Pending" or said is None or said.state not in ("Approved", "Refused"):
        return verdict
    told = f"{said.state.lower()} by {said.by}: {said.message}"
    return Verdict(said.state, f"{said.state}ByPerson", told, by_person=True)


def _record_evaluation(
    registry: Registry,
    run: RunRecord,
    ask: Ask,
    gates: Sequence[GateStatus],
    verdict: Verdict,
    judged_against: tuple[str | None, str],
) -> None:
    against, etag = judged_against
    asked = [g.to_json_dict() for g in ask.gates]
    record = {
        "gates": asked,
        "champion": against,
        "championEtag": etag,
        "holdout": run.data.holdout_digest,
        "results": [g.to_json_dict() for g in gates],
        "state": verdict.state,
        "reason": verdict.reason,
        "message": verdict.message,
    }
    digest = evaluation_digest(asked, champion=against, holdout=run.data.holdout_digest)
    registry.evaluations.write(run.run_digest, digest, record)
