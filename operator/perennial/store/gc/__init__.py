"""Removal of what nothing refers to any more: look (`collect`), decide (`plan`, pure), remove (`sweep`).

Whether the namespace's registry is ours, and which Kubernetes objects live, is for the caller to know.
"""

from perennial.store.gc.collect import collect
from perennial.store.gc.inventory import Inventory, Live, ModelInventory, RunInventory
from perennial.store.gc.plan import Group, Plan, plan
from perennial.store.gc.sweep import Swept, sweep

__all__ = [
    "Group", "Inventory", "Live", "ModelInventory", "Plan", "RunInventory", "Swept", "collect", "plan", "sweep",
]  # fmt: skip
