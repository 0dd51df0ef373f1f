import json
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from perennial.api.records.task import Progress
from perennial.runtime.training import progress
from perennial.runtime.training.accounting import Accounting, memory_bytes, processor_seconds


@pytest.fixture
def clock() -> Iterator[progress.StageClock]:
    accounting = Accounting(in_pod=False)
    yield progress.StageClock(accounting)
    accounting.stop()


@pytest.fixture
def url(clock: progress.StageClock) -> Iterator[str]:
    server = progress.serve(clock.now, 0)
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.read()


def test_the_pod_says_which_stage_runs_and_how_far_it_is(clock, url):
    with clock.running("fetch"):
        clock.within(0.5, "3 of 6 objects")
        told = Progress.from_json(get(f"{url}/progress"))
    assert (told.stage, told.percent, told.message) == ("fetch", 7, "3 of 6 objects")
    assert told.cost["wallSeconds"] >= 0


def test_percent_never_falls_over_a_whole_run(clock):
    seen = []
    clock._listener = lambda told: seen.append(told.percent)
    for stage in progress.STAGES:
        with clock.running(stage):
            for share in (0.1, 0.9, 1.5):
                clock.within(share, "")
    assert seen == sorted(seen)
    assert seen[-1] == 100
    assert set(clock.timings) == set(progress.STAGES)


def test_metrics_are_prometheus_text(clock, url):
    with clock.running("refine"):
        lines = get(f"{url}/metrics").decode().splitlines()
    values = [line for line in lines if not line.startswith("#")]
    assert 'perennial_training_progress_ratio{stage="refine"} 0.22' in values
    assert all(len(line.split()) == 2 for line in values)


def test_any_other_page_is_not_found(url):
    with pytest.raises(urllib.error.HTTPError, match="404") as missing:
        get(f"{url}/secrets")
    missing.value.close()


@pytest.mark.parametrize(
    ("files", "processor", "memory"),
    [
        ({"cpu.stat": "usage_usec 2500000\nuser_usec 1\n", "memory.current": "1048576\n"}, 2.5, 1048576),
        ({"cpuacct/cpuacct.usage": "1500000000\n", "memory/memory.usage_in_bytes": "2048\n"}, 1.5, 2048),
    ],
)
def test_a_pods_cost_is_read_from_either_version_of_control_groups(tmp_path, files, processor, memory):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert processor_seconds(in_pod=True, root=tmp_path) == processor
    assert memory_bytes(in_pod=True, root=tmp_path) == memory


def test_work_costs_processor_seconds(clock):
    before = clock.accounting.cost()["cpuSeconds"]
    assert sum(i * i for i in range(2_000_000)) > 0
    after = clock.accounting.cost()
    assert after["cpuSeconds"] > before
    assert json.dumps(after)
