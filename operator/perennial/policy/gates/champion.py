"""Gates that compare a challenger with the champion on the same rows.

Δ = challenger − champion, oriented so that larger is better. NonInferior: approved if the lower bound of Δ is at
least −tolerance, refused if the upper bound is below it, else there is not enough evidence. Superior: lower bound
above 0. So that small losses cannot pile up over many versions, the best approved version that has no row in this
hold-out is compared as well, at twice the tolerance.
"""

from math import ceil, isfinite
from statistics import NormalDist

from perennial.api.evaluation import ChampionGate, Gate
from perennial.api.records.run import Comparison, RunRecord
from perennial.api.training_status import GateStatus
from perennial.policy.gates.absolute import MAX_ROWS_NEEDED, POWER
from perennial.stats.paired import difference_bounds

DEFAULT_TOLERANCE = 0.005
REUSES_PER_HALVING = 10
"""A hold-out that has gated so often is worth half the error rate: each test uses α/2^k, k = ⌊uses/10⌋."""


def judge_champion(gate: Gate, run: RunRecord, champion: str | None, *, uses: int = 0) -> list[GateStatus]:
    """The comparisons of one gate.

    Args:
        champion: run digest of the champion now; None: there is none yet.
        uses: how many runs this very hold-out has gated before.
    """
    rule = gate.champion
    assert rule is not None  # noqa: S101  the caller looked
    if champion is None or champion == run.run_digest:
        message = "there is no champion to compare with yet" if champion is None else "this run is the champion"
        return [
            GateStatus(
                metric=gate.metric, result="Passed", wanted=_wanted(rule, -tolerance_of(rule, 0.0)), message=message
            )
        ]
    found = next((c for c in run.comparisons if c.against == champion and c.metric == gate.metric), None)
    if found is None:
        message = "the champion was not compared on this hold-out: no row of it is new to the champion"
        return [
            GateStatus(
                metric=gate.metric,
                result="NotEnoughEvidence",
                wanted=_wanted(rule, -tolerance_of(rule, 0.0)),
                message=message,
            )
        ]
    verdicts = [_judge(gate, rule, found, uses, slack=1)]
    unseen = [c for c in run.comparisons if c.role == "BestUnseen" and c.metric == gate.metric]
    return verdicts + [_judge(gate, rule, c, uses, slack=2) for c in unseen if c.against != champion]


def tolerance_of(rule: ChampionGate, champion_value: float) -> float:
    """The tolerance in the metric's own unit."""
    if rule.relative_tolerance is not None:
        return rule.relative_tolerance * abs(champion_value)
    return DEFAULT_TOLERANCE if rule.tolerance is None else rule.tolerance


def _judge(gate: Gate, rule: ChampionGate, compared: Comparison, uses: int, *, slack: int) -> GateStatus:
    alpha = (1 - rule.confidence) / 2 ** (uses // REUSES_PER_HALVING)
    c = compared
    lower, upper = difference_bounds(c.n, c.delta, c.se, c.method, c.bootstrap, alpha=alpha)
    margin = -slack * tolerance_of(rule, compared.champion) if rule.mode == "NonInferior" else 0.0
    superior = rule.mode == "Superior"
    good = lower > 0 if superior else lower >= margin
    bad = upper <= 0 if superior else upper < margin
    needed = None if good or bad else _rows_needed(compared, -margin, alpha, lower)
    told = f"Δ = {compared.delta:+.4g} ({lower:+.4g} … {upper:+.4g}) on {compared.n} rows"
    if compared.role == "BestUnseen":
        told += ", against the best approved version that has no row in this hold-out"
    if needed:
        told += f"; about {needed} rows could tell"
    return GateStatus(
        metric=gate.metric,
        result="Passed" if good else "Failed" if bad else "NotEnoughEvidence",
        observed=compared.challenger,
        champion=compared.champion,
        lower=lower,
        upper=upper,
        wanted=_wanted(rule, margin),
        rows_needed=needed,
        message=told,
    )


def _rows_needed(compared: Comparison, tolerance: float, alpha: float, lower: float) -> int | None:
    """n·((z_(1−α) + z_power)·SE / (tolerance + max(Δ̂, 0)))², the SE as the lower bound has it: Tango's is above 0
    even for two models that agree on every row."""
    distance, z = tolerance + max(compared.delta, 0.0), NormalDist().inv_cdf(1 - alpha)
    spread = (compared.delta - lower) / z
    if distance <= 0 or not isfinite(spread):
        return None
    factor = ((z + NormalDist().inv_cdf(POWER)) * spread / distance) ** 2
    return max(compared.n, ceil(min(compared.n * factor, MAX_ROWS_NEEDED)))


def _wanted(rule: ChampionGate, margin: float) -> str:
    if rule.mode == "Superior":
        return f"better than the champion at {rule.confidence:.0%}"
    return (
        f"Δ ≥ {margin:g} at {rule.confidence:.0%}"
        if margin
        else f"not worse than the champion at {rule.confidence:.0%}"
    )
