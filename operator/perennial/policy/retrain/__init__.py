"""When to retrain: triggers that want a run, brakes that hold it back, one decision with its whole explanation."""

from perennial.policy.retrain.data_window import DataBounds
from perennial.policy.retrain.decide import Decision, decide
from perennial.policy.retrain.snapshot import (
    DaySpent,
    LabelFacts,
    NewDataFacts,
    PastRun,
    PerformanceFacts,
    PolicySnapshot,
    QualityFacts,
    TriggerKind,
)

__all__ = [
    "DataBounds",
    "DaySpent",
    "Decision",
    "LabelFacts",
    "NewDataFacts",
    "PastRun",
    "PerformanceFacts",
    "PolicySnapshot",
    "QualityFacts",
    "TriggerKind",
    "decide",
]
