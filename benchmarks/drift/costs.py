"""What watching costs: judging a window, counting a row, memory of the counters, ten thousand policies an hour.

Run: `python benchmarks/drift/costs.py [--json FILE]`. CPU time, best of several, so that a busy machine shows less.
"""

import argparse
import json
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT)]

from perennial.api.records.signature import InputColumn, Signature  # noqa: E402
from perennial.api.records.window import WindowRecord  # noqa: E402
from perennial.runtime.monitoring import Counters, build_profile  # noqa: E402
from perennial.stats.drift import evaluate_window  # noqa: E402
from perennial.stats.windows import sum_windows  # noqa: E402
from tests.unit.stats.replay import Traffic, reference, window  # noqa: E402

HOUR = 1_700_000_400 // 3600 * 3600


def best(work: Callable[[], Any], repeats: int = 7) -> float:
    """Least CPU seconds of several runs."""
    took = []
    for _ in range(repeats):
        began = time.process_time()
        work()
        took.append(time.process_time() - began)
    return min(took)


def evaluation() -> dict[str, float]:
    """Milliseconds to judge one window."""
    rng = np.random.default_rng(0)
    found = {}
    for features in (10, 50, 100, 300, 1000):
        traffic = Traffic(features, 5000)
        profile, p = reference(rng, traffic)
        filled = window(rng, traffic, p)
        found[str(features)] = 1000 * best(lambda profile=profile, filled=filled: evaluate_window(profile, filled))
    return found


def policies() -> dict[str, float]:
    """CPU seconds an hour for 10,000 policies, each with two pods' files of 50 features: parse, add up, judge."""
    rng = np.random.default_rng(1)
    traffic = Traffic(50, 5000)
    profile, p = reference(rng, traffic)
    files = [window(rng, traffic, p).to_json() for _ in range(2)]

    def one() -> None:
        evaluate_window(profile, sum_windows([WindowRecord.from_json(f) for f in files]))

    each = best(lambda: [one() for _ in range(50)]) / 50
    return {"millisecondsEach": 1000 * each, "cpuSecondsPer10000": 10_000 * each}


def counting(features: int = 30) -> dict[str, float]:
    """Microseconds to count one row of 30 numeric features and its prediction, by rows a batch."""
    rng = np.random.default_rng(2)
    inputs = [InputColumn(name=f"f{i}", kind="numeric", datatype="FP64") for i in range(features)]
    names = [i.name for i in inputs]
    signature = Signature(task="Binary", inputs=inputs, outputs=[], classes=[0, 1], positive_class=1)
    p = rng.random(2000)
    outputs = {"predict_proba": np.column_stack([1 - p, p])}
    profile = build_profile({n: rng.normal(size=5000) for n in names}, signature, holdout_outputs=outputs)
    found = {}
    for size in (1, 16, 256):
        batches = [rng.normal(size=(size, features)) for _ in range(100)]
        answers = {k: v[:size] for k, v in outputs.items()}

        def work(batches: list[np.ndarray] = batches, answers: dict[str, np.ndarray] = answers, n: int = size) -> None:
            counters = Counters(profile, inputs=names)
            for i in range(20_000 // n):
                counters.observe(batches[i % 100], answers, HOUR + i * 0.001)
            counters.to_window(HOUR)

        found[str(size)] = best(work, 5) / (20_000 // size * size) * 1e6
    return found


def memory(features: int = 50) -> dict[str, int]:
    """Bytes that a server's counters hold after 1,000 and after 200,000 rows."""
    rng = np.random.default_rng(3)
    inputs = [InputColumn(name=f"f{i}", kind="numeric", datatype="FP64") for i in range(features)]
    table = {i.name: rng.normal(size=5000) for i in inputs}
    profile = build_profile(table, Signature(task="Regression", inputs=inputs, outputs=[]))
    tracemalloc.start()
    counters = Counters(profile, inputs=[i.name for i in inputs])
    found = {}
    for rows in (1000, 200_000):
        for i in range(rows // 100):
            counters.observe(rng.normal(size=(100, features)), {}, HOUR + i * 0.01)
        counters.to_window(HOUR)
        found[str(rows)] = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return found


def main() -> None:
    """Measure and print; with --json also write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    target = parser.parse_args().json
    result = {
        "evaluateWindowMilliseconds": evaluation(),
        "policies": policies(),
        "countRowMicroseconds": counting(),
        "countersBytesAfterRows": memory(),
    }
    text = json.dumps(result, indent=2)
    print(text)
    if target:
        target.write_text(text + "\n")


if __name__ == "__main__":
    main()
