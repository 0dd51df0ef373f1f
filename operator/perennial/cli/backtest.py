"""`perennial backtest`: a policy against never, a cron and random times, on history, before it is enabled."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from perennial.api.problem import problems_of
from perennial.api.retrain import RetrainPolicy
from perennial.cli.objects import BadFile, documents, model_training


class Output(StrEnum):
    """How results are printed."""

    text = "text"
    json = "json"


def backtest(
    file: Annotated[Path, typer.Option("-f", "--file", help="YAML file with a RetrainPolicy.")],
    training: Annotated[Path, typer.Option(help="YAML file with the ModelTraining that it repeats.")],
    data: Annotated[str, typer.Option(help="History: a file, a folder, file:///… or s3://….")],
    time_column: Annotated[str, typer.Option(help="Column that says when a row happened.")],
    label_delay: Annotated[str, typer.Option(help="How late labels arrive.")] = "1d",
    warm_up: Annotated[str, typer.Option(help="History that the first model is trained on.")] = "30d",
    replicates: Annotated[int, typer.Option(min=1, help="Replays with as many retrains at random times.")] = 30,
    html: Annotated[Path | None, typer.Option(help="Write a self-contained page.")] = None,
    output: Annotated[Output, typer.Option("-o", "--output", help="How to print the result.")] = Output.text,
) -> None:
    """Would this policy have been worth it? Replays history with the same gates and brakes."""
    from perennial.cli.backtesting.history import HistoryRefused
    from perennial.cli.backtesting.report import run_backtest
    from perennial.store.errors import StorageError

    policy, model = retrain_policy(file), model_training(training)
    errors = Console(stderr=True)
    try:
        result = run_backtest(
            policy.spec, model, data, time_column, label_delay, warm_up, replicates=replicates, console=errors
        )
    except (HistoryRefused, StorageError, ValueError) as error:
        errors.print(str(error), style="red", markup=False, soft_wrap=True)
        raise typer.Exit(64) from error
    if html:
        from perennial.cli.backtesting.page import page

        html.write_text(page(result), encoding="utf-8")
    if output is Output.json:
        typer.echo(json.dumps(result, indent=2))
    else:
        _print(Console(), result)


def retrain_policy(path: Path) -> RetrainPolicy:
    """The one RetrainPolicy of a file.

    Raises:
        BadFile: there is none, or more than one, or it is not valid.
    """
    found = [document for document in documents(path) if document.get("kind") == "RetrainPolicy"]
    if len(found) != 1:
        raise BadFile(f"{path}: expected one RetrainPolicy, found {len(found)}")
    try:
        return RetrainPolicy.model_validate(found[0])
    except (ValidationError, yaml.YAMLError) as error:
        faults = "\n".join(f"  {p}" for p in problems_of(error, root="")) if isinstance(error, ValidationError) else ""
        raise BadFile(f"{path}: the RetrainPolicy is not valid:\n{faults}") from None


def _print(console: Console, result: dict[str, Any]) -> None:
    table = Table("strategy", f"mean weekly {result['metric']}", "retrains", "promoted", "CPU s")
    for s in result["strategies"]:
        figures = (f"{s['value']:.4f}", f"{s['retrains']:g}", f"{s['promoted']:g}", f"{s['cpuSeconds']:.1f}")
        table.add_row(s["name"], *figures)
    console.print(table)
    for c in result["comparisons"]:
        interval = f"({c['lower']:+.4f} … {c['upper']:+.4f})"
        console.print(f"The policy {c['verdict']} {c['control']}: {c['difference']:+.4f} {interval}", highlight=False)
