"""Reconciling a ModelDeployment: which revision is wanted, how the rollout stands, what the cluster should hold."""

from perennial.reconcile.deployment.flow import reconcile

__all__ = ["reconcile"]
