"""What loading a part of the API costs: a server that reads one record must not build every schema."""

import subprocess
import sys

import perennial.api


def loaded_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*(m for m in sys.modules if m.startswith('perennial')))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_a_record_is_read_without_the_schemas_of_specs() -> None:
    loaded = loaded_after("import perennial.api.records.server, perennial.api.records.run")
    assert not {
        m for m in loaded if m in ("perennial.api.training", "perennial.api.deployment", "perennial.api.fields")
    }


def test_every_public_name_can_be_had() -> None:
    assert all(getattr(perennial.api, name) is not None for name in perennial.api.__all__)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    assert not hasattr(perennial.api, "ModelTrainer")
