"""Watching a served model: reference profiles, counters of traffic, and the window files they are flushed to."""

from perennial.runtime.monitoring.build import build_profile
from perennial.runtime.monitoring.counters import Counters

__all__ = ["Counters", "build_profile"]
