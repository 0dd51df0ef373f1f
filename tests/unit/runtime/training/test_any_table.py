"""Any small table ends in a model or in a refusal that says why: never in a traceback.

Few examples up to the measurements in every run; with PERENNIAL_SOAK=1 many, packaged and published too.
"""

import csv
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perennial.api.records.task import ExitCode, Task
from perennial.runtime.training.accounting import Accounting
from perennial.runtime.training.failures import TrainingFailure
from perennial.runtime.training.learn import learn
from perennial.runtime.training.local import perform_locally
from perennial.runtime.training.progress import StageClock
from perennial.runtime.training.resolve import resolve
from perennial.runtime.training.run import context_of

SOAK = os.environ.get("PERENNIAL_SOAK") == "1"
ESTIMATORS = [
    {"estimator": "sklearn.ensemble.HistGradientBoostingClassifier", "parameters": {"max_iter": 2}},
    {"estimator": "sklearn.tree.DecisionTreeRegressor", "parameters": {"max_depth": 2}},
    {"estimator": "sklearn.naive_bayes.GaussianNB"},
]
NAMES = st.sampled_from(["a", "b", "ü", "with space", "y", "1", "", "a"])
CELLS = [
    st.integers(-3, 3),
    st.integers(-(2**70), 2**70),
    st.floats(width=32),
    st.booleans(),
    st.sampled_from(["red", "blue", "grün", "", " ", "NA", "null", "0012", "1e400", "-0"]),
    st.text(max_size=4),
    st.dates().map(str),
    st.datetimes().map(lambda d: d.strftime("%d/%m/%Y %H:%M")),
    st.datetimes().map(lambda d: d.isoformat() + "Z"),
    st.none(),
]


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[Any]]]:
    """Column names (perhaps repeated) and rows; each column mostly of one kind of cell, sometimes of several."""
    names = [*draw(st.lists(NAMES, min_size=1, max_size=4)), "y"]
    kinds = [draw(st.sampled_from(CELLS)) for _ in names]
    if draw(st.booleans()):
        kinds[-1] = draw(st.sampled_from([st.booleans(), st.sampled_from(["yes", "no"]), st.integers(0, 3)]))
    if draw(st.booleans()):
        kinds[0] = st.one_of(kinds[0], draw(st.sampled_from(CELLS)))
    count = draw(st.sampled_from([0, 1, 30, 120]))
    some = [[draw(kind) for kind in kinds] for _ in range(min(count, 12))]
    return names, [some[(i * 7 + i // 12) % len(some)] for i in range(count)]


def as_csv(names: list[str], rows: list[list[Any]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerows([names, *rows])
    return out.getvalue().encode(errors="replace")


def as_jsonl(names: list[str], rows: list[list[Any]]) -> bytes:
    return "\n".join(json.dumps(dict(zip(names, row, strict=True))) for row in rows).encode(errors="replace")


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Libraries may warn about odd tables; what counts is how the run ends."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@given(tables(), st.sampled_from(ESTIMATORS), st.sampled_from(["csv", "jsonl"]))
@settings(
    max_examples=400 if SOAK else 40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
def test_any_table_ends_in_a_model_or_an_explained_refusal(table, algorithm, kind):
    with TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("data", "registry", "scratch"):
            (folder / part).mkdir()
        (folder / "data" / f"t.{kind}").write_bytes((as_csv if kind == "csv" else as_jsonl)(*table))
        spec = {"data": {"train": {"uri": (folder / "data").as_uri() + "/"}, "target": "y"}, "algorithm": algorithm}
        task = Task(
            namespace="n",
            model="m",
            training="m",
            uid="",
            registry=(folder / "registry").as_uri(),
            run_key="00",
            spec=spec,
        )
        (published if SOAK else measured)(task, folder / "scratch")


def measured(task: Task, scratch: Path) -> None:
    """Up to the measurements; anything but an explained refusal is raised."""
    accounting = Accounting(in_pod=False)
    try:
        context = context_of(task, scratch, "a", StageClock(accounting), accounting)
        stages = learn(context, resolve(task, context.request))
    except TrainingFailure as failure:
        explained(str(failure), failure.code)
    else:
        assert stages.evaluated.metrics
    finally:
        accounting.stop()


def published(task: Task, _: Path) -> None:
    """The whole run."""
    ended = perform_locally(task, StageClock(Accounting(in_pod=False)))
    if ended.code != ExitCode.OK:
        explained(ended.outcome.message, ended.code)


def explained(message: str, code: ExitCode) -> None:
    assert code in (ExitCode.DATA_REFUSED, ExitCode.USER_CODE), message
    assert len(message) > 40
    assert "Traceback" not in message
