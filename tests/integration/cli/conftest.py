"""Pods of the training tests, to compare a laptop with."""

from tests.integration.training.conftest import trainer, warm

__all__ = ["trainer", "warm"]
