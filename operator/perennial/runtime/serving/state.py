"""Where a server process stands: loading, ready, draining; and whether it is alive. Told to probes and balancers."""

from dataclasses import dataclass
from typing import Literal

from perennial.runtime.serving.metrics import Metrics

STUCK_BEAT_SECONDS = 10.0
"""A loop that has not turned for so long is stuck: nothing that it runs takes a tenth of it."""

STUCK_PREDICTION_FACTOR = 4.0
"""A prediction under way for so many time limits will not come back. A busy server is not dead."""


@dataclass
class State:
    """One worker's standing."""

    phase: Literal["Loading", "Ready", "Draining"] = "Loading"
    reason: str = "the model is being fetched"

    @property
    def is_ready(self) -> bool:
        """Whether new requests should come here."""
        return self.phase == "Ready"


def not_alive_because(metrics: Metrics, timeout_seconds: float) -> str:
    """Why this pod should be restarted; empty: it is alive."""
    beat = metrics.stalest_beat()
    if beat > STUCK_BEAT_SECONDS:
        return f"a worker's event loop has not turned for {beat:.0f} s"
    longest = metrics.longest_prediction()
    if longest > max(timeout_seconds * STUCK_PREDICTION_FACTOR, 60.0):
        return f"a prediction has been running for {longest:.0f} s"
    return ""
