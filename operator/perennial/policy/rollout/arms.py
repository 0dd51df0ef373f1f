"""Both arms of a rollout, added up over pods. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from perennial.api.records.arms import ArmCounts, ArmsReport, PredictionCounts, ShadowCounts, SlotCounts


@dataclass(frozen=True)
class Arms:
    """What is known of stable and candidate in the step in force."""

    stable: ArmCounts
    candidate: ArmCounts
    shadow: ShadowCounts | None = None
    reports: int = 0  # stable pods that answered
    predicting: int = 0  # candidate pods that answered


def arms_of(rollout: str, stable: Iterable[ArmsReport], candidate: Iterable[ArmsReport]) -> Arms:
    """The sum of all reports about one rollout; reports about another one (a pod that has not seen the new plan yet)
    are left out.

    Args:
        rollout: identity of what is counted.
        stable: reports of the splitting pods: their own arm, and the candidate as they met it.
        candidate: reports of the candidate's pods: what it predicted.
    """
    splitting = [r for r in stable if r.rollout == rollout]
    met = [r.candidate for r in splitting if r.candidate is not None]
    predicted = [r.own for r in candidate if r.rollout == rollout]
    predictions = {
        "predictions": _predictions([own.predictions for own in predicted]),
        "non_finite": sum(own.non_finite for own in predicted),
    }
    return Arms(
        stable=_sum([r.own for r in splitting]),
        candidate=_sum(met).model_copy(update=predictions),
        shadow=_shadow([r.shadow for r in splitting if r.shadow is not None]),
        reports=len(splitting),
        predicting=len(predicted),
    )


def baking_arms(rollout: str, new: Iterable[ArmsReport], previous: Iterable[ArmsReport]) -> Arms:
    """What is counted while the new revision has all requests: its own answers, and its failures at those that the
    previous revision, where connections are still open, sent on. There is no stable arm to compare with.

    Args:
        rollout: identity of what is counted.
        new: reports of the new revision's pods.
        previous: reports of the revision that it replaced.
    """
    own = [r.own for r in new if r.rollout == rollout]
    met = [r.candidate for r in previous if r.rollout == rollout and r.candidate is not None]
    return Arms(ArmCounts(), _sum([*own, *(_failures(arm) for arm in met)]), predicting=len(own))


def _failures(arm: ArmCounts) -> ArmCounts:
    """Only what failed on the way: what was answered is in the new revision's own counts."""
    failed = {slot: SlotCounts(requests=c.errors, errors=c.errors) for slot, c in arm.slots.items() if c.errors}
    return ArmCounts(version=arm.version, requests=arm.errors, errors=arm.errors, slots=failed)


def _sum(arms: list[ArmCounts]) -> ArmCounts:
    slots: dict[int, list[SlotCounts]] = {}
    for arm in arms:
        for slot, counts in arm.slots.items():
            slots.setdefault(slot, []).append(counts)
    return ArmCounts(
        version=next((a.version for a in arms), ""),
        requests=sum(a.requests for a in arms),
        errors=sum(a.errors for a in arms),
        fallbacks=sum(a.fallbacks for a in arms),
        timeouts=sum(a.timeouts for a in arms),
        mirrored=sum(a.mirrored for a in arms),
        ignored=sum(a.ignored for a in arms),
        non_finite=sum(a.non_finite for a in arms),
        latency=_histogram(a.latency for a in arms),
        slots={slot: _slot(counts) for slot, counts in slots.items()},
        predictions=_predictions([a.predictions for a in arms]),
    )


def _slot(counts: list[SlotCounts]) -> SlotCounts:
    return SlotCounts(
        requests=sum(c.requests for c in counts),
        errors=sum(c.errors for c in counts),
        latency=_histogram(c.latency for c in counts),
    )


def _histogram(parts: Iterable[Mapping[int, int]]) -> dict[int, int]:
    total: dict[int, int] = {}
    for part in parts:
        for index, count in part.items():
            total[index] = total.get(index, 0) + count
    return total


def _predictions(parts: list[dict[str, PredictionCounts]]) -> dict[str, PredictionCounts]:
    names = {name for part in parts for name in part}
    return {name: _prediction([part[name] for part in parts if name in part]) for name in sorted(names)}


def _prediction(parts: list[PredictionCounts]) -> PredictionCounts:
    return PredictionCounts(
        rows=sum(p.rows for p in parts),
        counts=_columns([p.counts for p in parts]),
        squares=_columns([p.squares for p in parts]),
        cross=_columns([p.cross for p in parts]),
        slot_rows_squared=sum(p.slot_rows_squared for p in parts),
    )


def _columns[N: (int, float)](rows: list[list[N]]) -> list[N]:
    return [sum(column, start=type(column[0])(0)) for column in zip(*rows, strict=False)] if rows else []


def _shadow(parts: list[ShadowCounts]) -> ShadowCounts | None:
    if not parts:
        return None
    return ShadowCounts(
        pairs=sum(p.pairs for p in parts),
        rows=sum(p.rows for p in parts),
        disagreements=sum(p.disagreements for p in parts),
        absolute=sum(p.absolute for p in parts),
        largest=max(p.largest for p in parts),
        incomparable=sum(p.incomparable for p in parts),
    )
