"""Reconciling a ModelTraining: observe, decide, act, one status write."""

from perennial.reconcile.training.flow import reconcile

__all__ = ["reconcile"]
