"""Perennial keeps machine-learning models fresh on Kubernetes."""
