"""The flights of the examples as Parquet files by month, made once a session. Fixture `flights`."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

PREPARE = Path(__file__).parents[2] / "examples" / "flights" / "prepare.py"


def prepare() -> ModuleType:
    """The example's own module, loaded from its file: examples are no package."""
    name = "examples_flights_prepare"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, PREPARE)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


@pytest.fixture(scope="session")
def flights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 2013-01.parquet … 2013-12.parquet."""
    folder = tmp_path_factory.mktemp("flights")
    prepare().write_months(folder)
    return folder
