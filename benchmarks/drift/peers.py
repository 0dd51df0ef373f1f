"""The same quiet windows through this project, Evidently and NannyML: CPU time, memory and false alarms.

Each of them runs in an environment of its own, and every case in a process of its own, so that memory is the case's:

    .venv/bin/python benchmarks/drift/peers.py ours
    python3.13 -m venv ev; ev/bin/pip install evidently 'pandas<3'; ev/bin/python benchmarks/drift/peers.py evidently
    python3.12 -m venv nm; nm/bin/pip install nannyml; nm/bin/python benchmarks/drift/peers.py nannyml

All are used with their defaults. Rows are drawn from seeds, so that all see the same.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

REFERENCE_ROWS = 20_000
WINDOW_ROWS = 2_000
HOUR = 3600
QUIET = {"NML_DISABLE_USAGE_LOGGING": "1", "DO_NOT_TRACK": "1", "PYTHONWARNINGS": "ignore"}
"""What keeps the libraries from telling their makers that they are used."""


@dataclass(frozen=True)
class Rows:
    """A table and the second of each row, shape (rows,)."""

    table: pd.DataFrame
    seconds: np.ndarray


Judge = Callable[[Rows, Rows], tuple[int, bool]]
"""Of a reference and a window: how many features alarm, and whether it was judged at all."""


def quiet(rng: np.random.Generator, rows: int, features: int, burst: int, start: float, length: float) -> Rows:
    """Normal features that never change; rows come in bursts of equal ones."""
    values = np.repeat(rng.normal(size=(rows // burst, features)), burst, axis=0)
    seconds = np.repeat(start + np.sort(rng.uniform(0, length, rows // burst)), burst)
    return Rows(pd.DataFrame(values, columns=[f"f{i}" for i in range(features)]), seconds)


def ours() -> Judge:
    """Profile of the reference, counts of the window, verdict: the defaults of a RetrainPolicy."""
    from perennial.api.records.signature import InputColumn, Signature
    from perennial.runtime.monitoring import build_profile
    from perennial.runtime.monitoring.replay import windows_of
    from perennial.stats.drift import evaluate_window

    def judge(reference: Rows, current: Rows) -> tuple[int, bool]:
        names = list(reference.table)
        inputs = [InputColumn(name=n, kind="numeric", datatype="FP64") for n in names]
        before, now = ({n: rows.table[n].to_numpy() for n in names} for rows in (reference, current))
        times = (reference.seconds * 1e6).astype("datetime64[us]")
        profile = build_profile(before, Signature(task="Regression", inputs=inputs, outputs=[]), times=times)
        verdict = evaluate_window(profile, next(windows_of(profile, now, current.seconds, HOUR)))
        return sum(c.state == "Alarm" for c in verdict.columns), verdict.evaluated

    return judge


def evidently() -> Judge:
    """The preset for data drift."""
    from evidently import Report
    from evidently.presets import DataDriftPreset

    def judge(reference: Rows, current: Rows) -> tuple[int, bool]:
        found = Report([DataDriftPreset()]).run(current_data=current.table, reference_data=reference.table).dict()
        values = [m["value"] for m in found["metrics"]]
        return int(next(v["count"] for v in values if isinstance(v, dict) and "count" in v)), True

    return judge


def nannyml() -> Judge:
    """Univariate drift; its thresholds come from the reference's own chunks of a window's size."""
    from nannyml import UnivariateDriftCalculator

    def judge(reference: Rows, current: Rows) -> tuple[int, bool]:
        watching = UnivariateDriftCalculator(column_names=list(reference.table), chunk_size=WINDOW_ROWS)
        found = watching.fit(reference.table).calculate(current.table).filter(period="analysis").to_df(multilevel=False)
        return int(found[[c for c in found if c.endswith("_alert")]].to_numpy().any(axis=0).sum()), True

    return judge


JUDGES: dict[str, Callable[[], Judge]] = {"ours": ours, "evidently": evidently, "nannyml": nannyml}


def measure(who: str, features: int, burst: int, windows: int) -> dict[str, float]:
    """CPU seconds a window with its reference, shares of windows in which any or half of the features alarm."""
    rng = np.random.default_rng(features + burst)
    judge, spent, alarms, judged = JUDGES[who](), 0.0, list[int](), 0
    for _ in range(windows):
        reference = quiet(rng, REFERENCE_ROWS, features, burst, 0.0, 10 * 24 * HOUR)
        current = quiet(rng, WINDOW_ROWS, features, burst, 10 * 24 * HOUR, HOUR)
        began = time.process_time()
        count, could = judge(reference, current)
        spent += time.process_time() - began
        alarms.append(count)
        judged += could
    return {
        "features": features,
        "burst": burst,
        "secondsEach": round(spent / windows, 4),
        "judged": judged / windows,
        "anyAlarm": float(np.mean(np.array(alarms) > 0)),
        "halfAlarm": float(np.mean(np.array(alarms) >= features / 2)),
        "peakMiB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def main() -> None:
    """Measure each case in a process of its own, and print one line of JSON a case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("who", choices=sorted(JUDGES))
    parser.add_argument("--windows", type=int, default=50)
    parser.add_argument("--features", type=int, nargs="+", default=[10, 20, 100])
    parser.add_argument("--bursts", type=int, nargs="+", default=[1, 5])
    given = parser.parse_args()
    cases = [(f, b) for f in given.features for b in given.bursts]
    if len(cases) == 1:
        warnings.simplefilter("ignore")
        print(json.dumps(measure(given.who, *cases[0], given.windows)))
        return
    for features, burst in cases:
        case = ["--features", str(features), "--bursts", str(burst), "--windows", str(given.windows)]
        subprocess.run([sys.executable, __file__, given.who, *case], check=True, env={**os.environ, **QUIET})


if __name__ == "__main__":
    main()
