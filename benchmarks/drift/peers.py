"""The same quiet windows through Evidently: time, memory and false alarms. Ours are in `costs.py` and the tests.

Run it with a Python that has Evidently (it needs pandas 2, so an environment of its own):
`python -m venv env && env/bin/pip install evidently 'pandas<3' && env/bin/python benchmarks/drift/peers.py`.
"""

import argparse
import json
import resource
import time
import warnings
from typing import Any

import numpy as np
import pandas as pd

REFERENCE_ROWS = 20_000
WINDOW_ROWS = 2_000


def quiet(rng: np.random.Generator, rows: int, features: int) -> pd.DataFrame:
    """Independent normal features."""
    return pd.DataFrame(rng.normal(size=(rows, features)), columns=[f"f{i}" for i in range(features)])


def alarms(report: dict[str, Any]) -> int:
    """Drifted columns that a report counts."""
    for metric in report["metrics"]:
        value = metric.get("value")
        if isinstance(value, dict) and "count" in value:
            return int(value["count"])
    raise ValueError("the report counts no drifted columns")


def evidently(features: int, windows: int) -> dict[str, float]:
    """Seconds a window, share of quiet windows in which any feature alarms, peak memory so far."""
    from evidently import Report
    from evidently.presets import DataDriftPreset

    rng = np.random.default_rng(features)
    fired, began = 0, time.process_time()
    for _ in range(windows):
        reference, current = quiet(rng, REFERENCE_ROWS, features), quiet(rng, WINDOW_ROWS, features)
        found = Report([DataDriftPreset()]).run(current_data=current, reference_data=reference)
        fired += alarms(found.dict()) > 0
    return {
        "secondsEach": (time.process_time() - began) / windows,
        "windowsWithAlarm": fired / windows,
        "peakMiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=50)
    parser.add_argument("--features", type=int, nargs="+", default=[10, 20, 100])
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    print(json.dumps({str(f): evidently(f, given.windows) for f in given.features}, indent=2))


if __name__ == "__main__":
    main()
