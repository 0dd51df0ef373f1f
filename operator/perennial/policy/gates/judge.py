"""Every gate of a ModelTraining against one run."""

from collections.abc import Iterable, Iterator

from perennial.api.evaluation import Gate
from perennial.api.records.run import RunRecord
from perennial.api.training_status import GateStatus
from perennial.policy.gates.absolute import judge_limit, judge_slices
from perennial.policy.gates.champion import judge_champion

ALERT_RATE_LOW, ALERT_RATE_HIGH = 0.5, 2.0
"""Outlier detection without a target: the alert rate lies within these multiples of the contamination."""


def judge(gates: Iterable[Gate], run: RunRecord, *, champion: str | None = None, uses: int = 0) -> list[GateStatus]:
    """Results in the order of the gates; a gate with limit and champion gives several.

    Args:
        champion: run digest that the champion alias names now.
        uses: how many runs this very hold-out has gated before.
    """
    results = [result for gate in gates for result in _results(gate, run, champion, uses)]
    return [*results, *_alert_rate(run)]


def _results(gate: Gate, run: RunRecord, champion: str | None, uses: int) -> Iterator[GateStatus]:
    if gate.slice is not None:
        yield from judge_slices(gate, run)
        return
    if gate.min is not None or gate.max is not None:
        measured = run.metrics.get(gate.metric)
        if measured is None:
            known = ", ".join(sorted(run.metrics))
            message = f"the run did not measure {gate.metric}; it measured {known}"
            yield GateStatus(metric=gate.metric, result="NotJudged", message=message)
        else:
            yield judge_limit(gate, measured)
    if gate.champion is not None:
        yield from judge_champion(gate, run, champion, uses=uses)


def _alert_rate(run: RunRecord) -> Iterator[GateStatus]:
    if run.task != "Outlier" or run.alert_rate is None or not run.contamination or set(run.metrics) - {"alert_rate"}:
        return
    low, high = ALERT_RATE_LOW * run.contamination, ALERT_RATE_HIGH * run.contamination
    good = low <= run.alert_rate <= high
    yield GateStatus(
        metric="alert_rate",
        result="Passed" if good else "Failed",
        observed=run.alert_rate,
        wanted=f"{low:g} … {high:g}",
        message="" if good else f"the detector alerts on {run.alert_rate:.2%} of the hold-out rows",
    )
