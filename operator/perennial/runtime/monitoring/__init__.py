"""Watching a served model: reference profiles, counters of traffic, and the window files they are flushed to."""

from perennial.runtime.monitoring.build import build_profile
from perennial.runtime.monitoring.counters import Counters
from perennial.runtime.monitoring.flusher import WindowFlusher

__all__ = ["Counters", "WindowFlusher", "build_profile"]
