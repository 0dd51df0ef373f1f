"""What a backtest sees of the serving model: drift that was acknowledged counts again when it moves on, or in time."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import yaml
from pyarrow import parquet

from perennial.api.retrain import DriftTrigger
from perennial.api.training import ModelTraining
from perennial.cli.backtesting.history import load_history
from perennial.cli.backtesting.models import Workshop
from perennial.cli.backtesting.watching import DAY, Watch
from tests.unit.cli.test_backtest import TRAINING

TRAINED, ROWS = 10, 600
DAILY = DriftTrigger.model_validate({"window": "1d"})


def watched(folder: Path, means: list[float]) -> tuple[Watch, float]:
    """A model of the first days, which serves from then on, and when it begins; x has another mean each day."""
    rng = np.random.default_rng(3)
    seconds = np.concatenate([day * DAY + np.sort(rng.uniform(0, DAY, ROWS)) for day in range(len(means))])
    x = rng.normal(np.repeat(means, ROWS))
    y = rng.random(x.size) < 1 / (1 + np.exp(-x))
    times = (seconds * 1e6).astype("datetime64[us]")
    parquet.write_table(pa.table({"t": times, "x": x, "y": y}), folder / "history.parquet")
    training = ModelTraining.model_validate(yaml.safe_load(TRAINING))
    history = load_history(training, str(folder / "history.parquet"), "t")
    assert training.spec.algorithm is not None
    workshop = Workshop(history, training.spec.algorithm, [], "accuracy", larger_is_better=True)
    model = workshop.fit(0.0, TRAINED * DAY)
    assert model is not None
    return Watch(workshop, model, TRAINED * DAY), TRAINED * DAY


def states(watch: Watch, begin: float, days: int) -> list[str]:
    """The state at the end of each day; the first drift is acknowledged at once, as after a refused challenger."""
    found = []
    for day in range(1, days + 1):
        state = watch.drift(DAILY, begin + day * DAY)
        found.append(state.state)
        if state.state == "Drifted" and found.count("Drifted") == 1:
            watch.acknowledge(state, DAILY)
    return found


def test_a_harmless_drift_that_lasts_counts_again_after_four_weeks(tmp_path: Path) -> None:
    watch, begin = watched(tmp_path, [0.0] * TRAINED + [1.2] * 40)
    found = states(watch, begin, 40)
    first = found.index("Drifted")
    assert found[first + 1 : first + 28] == ["Acknowledged"] * 27
    assert found[first + 28] == "Drifted"


@pytest.mark.parametrize("later", [2.4, -1.2])
def test_another_drift_counts_while_the_first_is_acknowledged(tmp_path: Path, later: float) -> None:
    watch, begin = watched(tmp_path, [0.0] * TRAINED + [1.2] * 6 + [later] * 4)
    found = states(watch, begin, 10)
    assert found[found.index("Drifted") + 1 : 6] == ["Acknowledged"] * (5 - found.index("Drifted"))
    assert found[-1] == "Drifted"
