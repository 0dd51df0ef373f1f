"""`perennial train`: the trainer's own code on this machine, with the run digest that the cluster would give."""

import json
import os
from contextlib import AbstractContextManager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from perennial.cli.objects import model_training

if TYPE_CHECKING:
    from perennial.api.records.task import Outcome
    from perennial.api.records.task import Progress as Stage
    from perennial.api.training_status import GateStatus
    from perennial.runtime.training.run import Finished

MARKS = {"Passed": "[green]passed", "Failed": "[red]failed", "NotEnoughEvidence": "[yellow]not enough evidence"}


class Output(StrEnum):
    """How results are printed."""

    text = "text"
    json = "json"


def default_store() -> str:
    """A folder in the user's data directory, as a URI."""
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return (Path(base) / "perennial" / "registry").absolute().as_uri()


def train(
    file: Annotated[Path, typer.Option("-f", "--file", help="YAML file with a ModelTraining.")],
    store: Annotated[str | None, typer.Option(help="Registry: s3://bucket/prefix or file:///folder.")] = None,
    output: Annotated[Output, typer.Option("-o", "--output", help="How to print the result.")] = Output.text,
) -> None:
    """Train, measure and judge a model here, exactly as the cluster would."""
    from perennial.policy.gates import judge
    from perennial.runtime.training.environment import fix_threads

    training = model_training(file)
    fix_threads()
    from perennial.runtime.training.local import train_locally

    uri = store or default_store()
    errors = Console(stderr=True)
    with progress(errors, training.model) as bar:
        ended = train_locally(training, registry=uri, listener=bar.update)
    if ended.finished is None:
        complain(errors, ended.outcome)
        raise typer.Exit(int(ended.code))
    gates = training.spec.evaluation.gates if training.spec.evaluation else []
    verdicts = judge(gates, ended.finished.record, champion=ended.champion)
    result = summary(ended.finished, verdicts, uri)
    if output is Output.json:
        typer.echo(json.dumps(result, indent=2))
    else:
        _print(Console(), ended.finished, verdicts, result)


def complain(console: Console, outcome: "Outcome") -> None:
    """Why there is no run."""
    console.print(f"[red]{outcome.reason}[/]: ", end="")
    console.print(outcome.message, markup=False, highlight=False, soft_wrap=True)


def summary(finished: "Finished", verdicts: "list[GateStatus]", uri: str) -> dict[str, Any]:
    """What `-o json` prints."""
    record = finished.record
    folder = f"{uri.rstrip('/')}/{record.namespace}/{record.model}"
    report = record.files.get("report.html")
    return {
        "runDigest": record.run_digest,
        "artifactDigest": record.artifact.digest,
        "uri": f"{folder}/runs/{record.run_digest.removeprefix('sha256:')}",
        "report": f"{folder}/{report.key}" if report else None,
        "reused": finished.outcome.outcome == "Reused",
        "metrics": {name: measured.value for name, measured in record.metrics.items()},
        "gates": [verdict.to_json_dict() for verdict in verdicts],
        "warnings": record.warnings,
    }


class _Bar:
    """Feeds stages into a progress bar."""

    def __init__(self, progress: Progress, name: str) -> None:
        self._progress = progress
        self._task = progress.add_task(name, total=100, stage="")

    def update(self, stage: "Stage") -> None:
        """Show a stage."""
        said = f"{stage.stage} {stage.message}".strip()
        self._progress.update(self._task, completed=stage.percent, stage=said)


class progress(AbstractContextManager[_Bar]):  # noqa: N801 - reads as a function where it is used
    """A bar for the time of a `with` block."""

    def __init__(self, console: Console, name: str) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[stage]}"),
            TimeElapsedColumn(),
        )
        self._progress = Progress(*columns, console=console, transient=True)
        self._name = name

    def __enter__(self) -> _Bar:
        self._progress.start()
        return _Bar(self._progress, self._name)

    def __exit__(self, *_: object) -> None:
        self._progress.stop()


def _print(console: Console, finished: "Finished", verdicts: "list[GateStatus]", result: dict[str, Any]) -> None:
    record = finished.record
    how = "was there already" if result["reused"] else f"took {sum(record.timings.values()):.1f} s"
    console.print(f"[bold]{record.model}[/]: {record.chosen.get('estimator')}, {how}")
    table = Table("metric", "value", "95 % interval")
    for name, m in record.metrics.items():
        span = "" if m.lower is None or m.upper is None else f"{m.lower:.4g} to {m.upper:.4g}"
        table.add_row(name, f"{m.value:.4g}", span)
    console.print(table)
    if verdicts:
        gates = Table("gate", "wanted", "observed", "verdict")
        for v in verdicts:
            name = f"{v.metric} [{v.slice}]" if v.slice else v.metric
            seen = v.message if v.observed is None else f"{v.observed:.4g}"
            gates.add_row(name, v.wanted, seen, MARKS.get(v.result, v.result))
        console.print(gates)
    for warning in record.warnings:
        console.print(f"[yellow]warning[/]: {warning}", highlight=False)
    console.print(f"run     {record.run_digest}", highlight=False, soft_wrap=True)
    console.print(f"report  {result['report']}", highlight=False, soft_wrap=True)
