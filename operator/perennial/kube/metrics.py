"""What is counted about requests to the API server."""

from prometheus_client import Counter

REQUESTS = Counter(
    "perennial_api_requests",
    "Requests to the Kubernetes API server; code 0: no answer.",
    ("verb", "resource", "code"),
)
