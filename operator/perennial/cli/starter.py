"""What `perennial init` proposes for a table: parts of its columns, expectations, gates of a baseline, and the YAML."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import typer
import yaml
from rich.console import Console

from perennial.api.metrics import METRICS, USUAL
from perennial.api.records.run import RunRecord
from perennial.api.training import ModelTraining
from perennial.cli.train import complain
from perennial.runtime.training.failures import TrainingFailure, nearest
from perennial.runtime.training.fetch import read_columns, shared_format
from perennial.runtime.training.parquet import open_parts
from perennial.runtime.training.starting import baseline
from perennial.store.inputs import Inputs, find_inputs

CLASSIFIER = "sklearn.ensemble.HistGradientBoostingClassifier"
REGRESSOR = "sklearn.ensemble.HistGradientBoostingRegressor"
MOST_CLASSES = 20
"""Whole numbers with more distinct values are taken as amounts to predict, not as classes."""


@dataclass(frozen=True)
class Draft:
    """What is proposed."""

    name: str
    training: dict[str, Any]  # spec of the ModelTraining
    features: list[str]
    warnings: list[str]


def drafted(path: Path, target: str, name: str, console: Console) -> Draft:
    """Look at the table and train a quick baseline for the gates.

    Raises:
        typer.BadParameter: the table cannot be read or has no such target.
        typer.Exit: the baseline was refused; the reason has been printed.
    """
    uri = path.absolute().as_uri() + ("/" if path.is_dir() else "")
    try:
        table = _table(uri, target)
    except TrainingFailure as failure:
        raise typer.BadParameter(str(failure)) from None
    time = next((f.name for f in table.schema if pa.types.is_timestamp(f.type) and f.name != target), None)
    identity = _identity(table, {target, time})
    spec = _spec(uri, target, time, identity, table)
    training = ModelTraining.model_validate({"kind": "ModelTraining", "metadata": {"name": name}, "spec": spec})
    with console.status("a quick baseline for the gates"):
        ended = baseline(training)
    if ended.finished is None:
        complain(console, ended.outcome)
        raise typer.Exit(int(ended.code))
    record = ended.finished.record
    spec["data"]["expectations"] = _expectations(table, target, identity)
    spec["evaluation"] = {"gates": _gates(record)}
    return Draft(name, spec, list(record.importances), record.warnings)


def _table(uri: str, target: str) -> pa.Table:
    inputs = find_inputs(uri)
    kind = shared_format(uri, None, inputs.objects)
    names = _names(inputs, kind)
    if target not in names:
        raise typer.BadParameter(f"the table has no column {target!r}; {nearest(target, names)}")
    return read_columns(inputs, kind, names)


def _names(inputs: Inputs, kind: str) -> list[str]:
    if kind == "parquet":
        return list(open_parts(inputs.store, inputs.objects[:1])[0].schema.names)
    from perennial.runtime.training import lines

    read = lines.read_csv if kind == "csv" else lines.read_jsonl
    first = inputs.objects[0]
    return list(read(first.key, inputs.store.get(first.key).body).column_names)


def _identity(table: pa.Table, taken: set[str | None]) -> str | None:
    """The first text or whole-number column whose values are all different, if its name says so."""
    for field in table.schema:
        likely = field.name.lower() == "id" or field.name.lower().endswith(("_id", "id"))
        plain = pa.types.is_string(field.type) or pa.types.is_integer(field.type)
        if field.name not in taken and likely and plain:
            column = table.column(field.name)
            if column.null_count == 0 and pc.count_distinct(column).as_py() == len(column):
                return str(field.name)
    return None


def _spec(uri: str, target: str, time: str | None, identity: str | None, table: pa.Table) -> dict[str, Any]:
    features = {key: value for key, value in (("timeColumn", time), ("idColumn", identity)) if value}
    data: dict[str, Any] = {"train": {"uri": uri}, "target": target}
    if features:
        data["features"] = features
    return {"data": data, "algorithm": {"estimator": _estimator(table.column(target))}}


def _estimator(column: pa.ChunkedArray) -> str:
    numeric = pa.types.is_floating(column.type) or pa.types.is_integer(column.type)
    if numeric and pc.count_distinct(column).as_py() > MOST_CLASSES:
        return REGRESSOR
    return CLASSIFIER


def _expectations(table: pa.Table, target: str, identity: str | None) -> list[dict[str, Any]]:
    """Half the rows of today, unique ids, and for columns that are nearly complete a bound on missing values."""
    found: list[dict[str, Any]] = [{"minRows": max(1, table.num_rows // 2)}]
    if identity:
        found.append({"column": identity, "unique": True})
    for name in table.column_names:
        share = table.column(name).null_count / table.num_rows
        if name not in (target, identity) and share <= 0.01:
            found.append({"column": name, "maxMissing": 0.05})
    return found


def _gates(record: RunRecord) -> list[dict[str, Any]]:
    """The key metric no worse than the baseline's unfavourable bound, and never worse than the champion."""
    name = USUAL[record.task][0]
    measured = record.metrics[name]
    if METRICS[name].maximize:
        limit = {"min": math.floor((measured.lower or measured.value) * 100) / 100}
    else:
        bound = measured.upper or measured.value
        limit = {"max": float(f"{bound * 1.01:.3g}")}
    return [{"metric": name, **limit}, {"metric": name, "champion": {"mode": "NonInferior"}}]


HEADER = """\
# Made by `perennial init` from {uri}
# Try it here:        perennial train -f {name}.yaml
# Run it in a cluster: put the data into object storage, change data.train.uri, then kubectl apply -f {name}.yaml
"""

NOTES = {
    "ModelTraining": "# A model with this data, algorithm and these gates should exist.\n"
    "# Put into data.features.exclude whatever is not known at the moment of prediction.\n",
    "ModelDeployment": "# It answers requests; a new version takes over step by step, and only if it does no worse.\n",
    "RetrainPolicy": "# It is trained again when its inputs drift, within the brakes.\n",
}


def objects(draft: Draft) -> str:
    """The three objects as commented YAML."""
    reference = {"name": draft.name}
    policy: dict[str, Any] = {"trainingRef": reference, "deploymentRef": reference, "triggers": {"drift": {}}}
    specs = {"ModelTraining": draft.training, "ModelDeployment": {"model": reference}, "RetrainPolicy": policy}
    parts = []
    for kind, spec in specs.items():
        made = {"apiVersion": "perennial.dev/v1alpha1", "kind": kind, "metadata": reference, "spec": spec}
        parts.append(NOTES[kind] + yaml.dump(made, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=110))
    return HEADER.format(uri=draft.training["data"]["train"]["uri"], name=draft.name) + "---\n".join(parts)


class _Plain(yaml.SafeDumper):
    """Without anchors: the same name stands in several places, and a person edits them apart."""

    def ignore_aliases(self, data: Any) -> bool:
        """Always."""
        return True
