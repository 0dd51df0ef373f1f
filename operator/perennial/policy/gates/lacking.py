"""Which measurements a run lacks for its gates: gates or slices were edited, or the champion is another one. Pure."""

from collections.abc import Iterable, Iterator

from perennial.api.evaluation import Gate
from perennial.api.records.run import RunRecord


def lacking(gates: Iterable[Gate], run: RunRecord, champion: str | None) -> list[str]:
    """What the gates look at and the run has not measured, in words; empty when it can be judged as it is.

    A champion that the run was compared with in vain (no row is new to it) is no lack: nothing would come of asking
    again. Neither is anything of a run that was refitted on all rows, which has seen its hold-out.

    Args:
        champion: run digest that the champion alias names now.
    """
    if run.chosen.get("refit") == "all":
        return []
    return list(dict.fromkeys(what for gate in gates for what in _of(gate, run, champion)))


def _of(gate: Gate, run: RunRecord, champion: str | None) -> Iterator[str]:
    if gate.slice is not None:
        if not any(level.column == gate.slice.column for level in run.slices):
            yield f"slices by {gate.slice.column}"
        return
    if (gate.min is not None or gate.max is not None) and gate.metric not in run.metrics:
        yield gate.metric
    if gate.champion is None or champion is None or champion == run.run_digest:
        return
    compared = {c.metric for c in run.comparisons if c.against == champion}
    in_vain = not compared and run.champion == champion
    if gate.metric not in compared and not in_vain:
        yield f"{gate.metric} against the champion {champion[:19]}"
