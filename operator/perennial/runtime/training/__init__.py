"""Trains, judges and packages one model: the container of a training Job, and the same on a laptop.

Needs no Kubernetes. Knows nothing of the operator: a task comes in, a run in object storage comes out.
"""
