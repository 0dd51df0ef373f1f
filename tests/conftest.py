"""Fixtures shared by all tests; each lives in its own module under tests/support."""

from importlib.util import find_spec

_FIXTURES = ("s3", "apiserver", "node", "flights")
pytest_plugins = [f"tests.support.{name}" for name in _FIXTURES if find_spec(f"tests.support.{name}")]
