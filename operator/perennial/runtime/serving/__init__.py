"""The server of one model version: protocols, batching, splitting, monitoring. No Kubernetes, no decisions.

`run` is the whole of it; `python -m perennial.runtime.serving` is its pod form, `perennial serve` its laptop form.
"""

from perennial.runtime.serving.boot import Boot
from perennial.runtime.serving.run import run

__all__ = ["Boot", "run"]
