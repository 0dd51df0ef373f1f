"""From gate results to the state of a version."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from perennial.api.training_status import GateStatus


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a version becomes, with its reason in one word and in a sentence."""

    state: Literal["Approved", "Refused", "Pending"]
    reason: str
    message: str
    by_person: bool = False


def verdict_of(results: Sequence[GateStatus], *, manual: bool = False) -> Verdict:
    """One failed gate refuses. Without a failed one, missing evidence or a measurement that is not there leaves the
    version pending: a person may approve it. Slices too small to be judged hold nothing up."""
    failed = [r for r in results if r.result == "Failed"]
    if failed:
        return Verdict("Refused", "GateFailed", "; ".join(_told(r) for r in failed))
    unclear = [r for r in results if r.result == "NotEnoughEvidence"]
    if unclear:
        return Verdict("Pending", "NotEnoughEvidence", "; ".join(_told(r) for r in unclear))
    missing = [r for r in results if r.result == "NotJudged" and not r.slice]
    if missing:
        return Verdict("Pending", "NotJudged", "; ".join(_told(r) for r in missing))
    if manual:
        return Verdict("Pending", "AwaitingApproval", "every gate passed; spec.approval is Manual")
    return Verdict("Approved", "GatesPassed", _passed(results))


def _told(result: GateStatus) -> str:
    name = f"{result.metric} [{result.slice}]" if result.slice else result.metric
    value = f" is {result.observed:.4g}" if result.observed is not None else ""
    wanted = f", wanted {result.wanted}" if result.wanted else ""
    return f"{name}{value}{wanted}" + (f": {result.message}" if result.message else "")


def _passed(results: Sequence[GateStatus]) -> str:
    count = sum(r.result == "Passed" for r in results)
    return f"{count} of {len(results)} gates passed" if results else "there are no gates"
