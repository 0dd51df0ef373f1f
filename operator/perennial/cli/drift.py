"""`perennial drift`: the default rule on any two tables, window by window, without a cluster."""

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from perennial.runtime.monitoring.replay import Replay
    from perennial.stats.verdicts import ColumnVerdict, DriftStateName, WindowVerdict

COLOURS = {"Alarm": "red", "Drifted": "red", "Warning": "yellow", "InsufficientData": "dim"}
SHOWN = 10


class Output(StrEnum):
    """How results are printed."""

    text = "text"
    json = "json"


def drift(
    reference: Annotated[Path, typer.Option(help="Table to compare with: Parquet, CSV or JSONL, or a folder.")],
    data: Annotated[Path, typer.Option(help="Table to look at, of the same columns.")],
    time_column: Annotated[str | None, typer.Option(help="Column by whose times the data is cut into windows.")] = None,
    window: Annotated[str, typer.Option(help="Length of a window, such as 1h or 7d.")] = "1h",
    threshold: Annotated[float, typer.Option(help="Smallest PSI that matters.")] = 0.2,
    false_alarm_rate: Annotated[float, typer.Option(help="Chance of an alarm per quiet window.")] = 0.01,
    min_samples: Annotated[int, typer.Option(help="Fewest rows of a window.")] = 500,
    report: Annotated[
        Path | None, typer.Option(help="Write a page about the first drift, or about the last windows without one.")
    ] = None,
    output: Annotated[Output, typer.Option("-o", "--output", help="How to print the result.")] = Output.text,
) -> None:
    """Does a table look different from another one, and which columns?"""
    from perennial.api.fields import parse_duration
    from perennial.runtime.monitoring.replay import TableRefused, replay
    from perennial.stats.verdicts import DriftOptions

    options = DriftOptions(threshold=threshold, alpha=false_alarm_rate, min_samples=min_samples)
    try:
        length = parse_duration(window)
        found = replay(reference, data, time_column=time_column, window=length, options=options)
    except (TableRefused, ValueError) as error:
        Console(stderr=True).print(str(error), style="red", markup=False, soft_wrap=True)
        raise typer.Exit(64) from error
    verdicts = [(w.verdict, w.state.state) for w in found.windows]
    if report is not None and found.windows:
        report.write_text(_page(found), encoding="utf-8")
    if output is Output.json:
        typer.echo(json.dumps([as_json(v, s) for v, s in verdicts], indent=2))
    else:
        _print(Console(), verdicts)


def _page(found: "Replay") -> str:
    from perennial.reports import drift_page, drift_report

    shown = found.until_alarm
    records, verdicts = [w.record for w in shown], [w.verdict for w in shown]
    return drift_page(drift_report(found.profile, records, verdicts, shown[-1].state))


def as_json(verdict: "WindowVerdict", state: "DriftStateName") -> dict[str, Any]:
    """One window of `-o json`."""
    return {
        "from": verdict.start,
        "to": verdict.end,
        "rows": verdict.rows,
        "effectiveRows": round(verdict.effective_rows, 1),
        "state": state,
        "features": {c.name: _column(c) for c in verdict.columns},
    }


def _column(column: "ColumnVerdict") -> dict[str, Any]:
    return {
        "score": round(column.score, 6),
        "limit": round(column.limit, 6),
        "effectiveRows": round(column.effective_rows, 1),
        "state": column.state,
        "missing": round(column.missing, 6),
        "alerts": list(column.alerts),
    }


def _print(console: Console, verdicts: "list[tuple[WindowVerdict, DriftStateName]]") -> None:
    table = Table("from", "rows", "worth", "state", "highest scores against their limits")
    for verdict, state in verdicts:
        ranked = sorted(verdict.columns, key=lambda c: -c.score / c.limit)[:SHOWN]
        shown = [c for c in ranked if c.state != "Clear"] or ranked[:1]
        told = ", ".join(f"{c.name} {c.score:.3f}/{c.limit:.3f}" for c in shown)
        colour = COLOURS.get(state, "green")
        table.add_row(verdict.start, str(verdict.rows), f"{verdict.effective_rows:.0f}", f"[{colour}]{state}", told)
    console.print(table)
