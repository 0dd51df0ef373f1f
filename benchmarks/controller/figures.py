"""What is measured, and the table of it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Throughput:
    """Objects created by clients until their children exist, and until their statuses say so."""

    objects: int
    clients: int
    created_per_second: float  # by the clients, with the operator at work beside them
    children_per_second: float  # first creation to last child
    statuses_per_second: float  # first creation to last status
    latency_median_ms: float  # creation acknowledged to child seen
    latency_p99_ms: float
    requests_per_object: float  # of the operator, all verbs but the Lease's
    cpu_ms_per_object: float  # of the operator
    longest_block_ms: float  # of the event loop


@dataclass(frozen=True)
class Scale:
    """A start with many objects that need nothing."""

    objects: int
    children: int
    observed_seconds: float  # process start to all in the cache
    settled_seconds: float  # process start to every object looked at
    looks_per_second: float
    writes: int
    idle_writes: int  # during the ten seconds after that
    rss_mib: float
    rss_peak_mib: float
    longest_block_ms: float


GOALS = {
    "children_per_second": "≥ 212 (4 × Kubeflow Trainer 2.3)",
    "longest_block_ms": "≤ 100",
    "observed_seconds": "≤ 15",
    "looks_per_second": "≥ 500",
    "writes": "0",
    "idle_writes": "0",
    "rss_peak_mib": "≤ 300",
}


def table(throughput: Throughput, scale: Scale) -> str:
    """Both as one Markdown table."""
    lines = ["| figure | value | goal |", "| --- | ---: | --- |"]
    for title, figures in (("throughput", throughput), ("start-up", scale)):
        for name, value in vars(figures).items():
            shown = f"{value:.1f}" if isinstance(value, float) else str(value)
            lines.append(f"| {title}: {name.replace('_', ' ')} | {shown} | {GOALS.get(name, '')} |")
    return "\n".join(lines)
