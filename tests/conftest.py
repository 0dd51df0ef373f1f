"""Fixtures shared by all tests; each lives in its own module under tests/support."""

from importlib.util import find_spec

pytest_plugins = [
    name for name in ("tests.support.s3", "tests.support.apiserver", "tests.support.flights") if find_spec(name)
]
