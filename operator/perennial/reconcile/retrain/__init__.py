"""Reconciling a RetrainPolicy: what was seen, what is decided, one child training at most."""

from perennial.reconcile.retrain.flow import reconcile

__all__ = ["reconcile"]
