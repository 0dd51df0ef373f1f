"""The one error that the programs in hack/ report to a person; everything else is a bug and keeps its traceback."""

from __future__ import annotations


class Failure(Exception):
    """Something a person can mend. The message says what, where, and what to do next."""
