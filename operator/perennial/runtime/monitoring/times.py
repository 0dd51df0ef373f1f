"""Seconds since 1970 UTC to the text form of times in files."""

from datetime import UTC, datetime


def iso(seconds: float) -> str:
    """ISO 8601 UTC with Z, whole seconds."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
