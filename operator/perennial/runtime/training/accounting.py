"""What a run costs, from the pod's own accounting: processor, memory over time, wall clock.

In a pod the control group counts (v2, then v1): it holds every process of the container. Elsewhere the process itself,
because the group would be the whole desktop's.
"""

import os
import resource
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import Event, Thread

SAMPLE_SECONDS = 1.0
GIB = float(1024**3)
CGROUP = Path("/sys/fs/cgroup")


class Accounting:
    """Counts from its construction until `stop()`."""

    def __init__(self, *, in_pod: bool | None = None) -> None:
        self._in_pod = "POD_UID" in os.environ if in_pod is None else in_pod
        self._started = time.monotonic()
        self._processor = processor_seconds(in_pod=self._in_pod)
        self._memory = 0.0
        self._elsewhere: dict[str, float] = {}
        self._stopped = Event()
        Thread(target=self._sample, name="accounting", daemon=True).start()

    def _sample(self) -> None:
        last = time.monotonic()
        while not self._stopped.wait(SAMPLE_SECONDS):
            now = time.monotonic()
            self._memory += memory_bytes(in_pod=self._in_pod) / GIB * (now - last)
            last = now

    def cost(self) -> dict[str, float]:
        """cpuSeconds, memoryGiBSeconds, gpuSeconds, wallSeconds so far."""
        wall = time.monotonic() - self._started
        memory = self._memory or memory_bytes(in_pod=self._in_pod) / GIB * wall
        used = processor_seconds(in_pod=self._in_pod) - self._processor
        figures = {"cpuSeconds": used, "memoryGiBSeconds": memory, "gpuSeconds": 0.0, "wallSeconds": wall}
        return {name: round(value + self._elsewhere.get(name, 0.0), 3) for name, value in figures.items()}

    def include(self, costs: Iterable[Mapping[str, float]]) -> None:
        """Add what other pods have used for the same run."""
        for cost in costs:
            for name, value in cost.items():
                self._elsewhere[name] = self._elsewhere.get(name, 0.0) + value

    def stop(self) -> None:
        """End the sampling thread."""
        self._stopped.set()


def processor_seconds(*, in_pod: bool, root: Path = CGROUP) -> float:
    """Processor seconds used so far, all threads and ended children included."""
    if in_pod:
        try:
            stat = dict(line.split() for line in (root / "cpu.stat").read_text().splitlines())
            return int(stat["usage_usec"]) / 1e6
        except (OSError, KeyError, ValueError):
            pass
        try:
            return int((root / "cpuacct/cpuacct.usage").read_text()) / 1e9
        except (OSError, ValueError):
            pass
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def memory_bytes(*, in_pod: bool, root: Path = CGROUP) -> float:
    """Bytes in use now."""
    if in_pod:
        for file in (root / "memory.current", root / "memory/memory.usage_in_bytes"):
            try:
                return float(file.read_text())
            except (OSError, ValueError):
                continue
    try:
        return float(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0  # no /proc: the peak, in KiB on Linux
