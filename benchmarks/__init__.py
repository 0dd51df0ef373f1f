"""Measurements against peers, one package a subject; `python -m benchmarks.<subject>`."""
