"""What is counted about reconciling; requests to the API server are counted in kube/metrics.py."""

from prometheus_client import Counter, Gauge, Histogram

RECONCILES = Counter("perennial_reconcile", "Looks at objects.", ("kind", "result"))
DURATION = Histogram(
    "perennial_reconcile_duration_seconds",
    "Time of one look at an object.",
    ("kind",),
    buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30, 300),
)
RETRIES = Counter("perennial_reconcile_retries", "Looks that failed and were put off.", ("kind", "reason"))
QUEUE_DEPTH = Gauge("perennial_queue_depth", "Keys that wait for a worker.")
OLDEST_KEY = Gauge("perennial_queue_oldest_seconds", "How long the first of them has waited.")
CACHED = Gauge("perennial_cached_objects", "Objects in the cache.")
