"""Decisions about a ModelTraining: what to do next, why a Job failed, which version state follows."""
