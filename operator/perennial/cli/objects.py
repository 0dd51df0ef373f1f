"""Reading our objects from YAML files, with messages that name the file, the object and the field."""

from pathlib import Path
from typing import Any

import typer
import yaml
from pydantic import ValidationError

from perennial.api.problem import problems_of
from perennial.api.training import ModelTraining


class BadFile(typer.BadParameter):
    """A file that holds no such object."""


def model_training(path: Path) -> ModelTraining:
    """The one ModelTraining of a file, which may hold other objects too.

    Raises:
        BadFile: there is none, or more than one, or it is not valid.
    """
    found = [document for document in documents(path) if document.get("kind") == "ModelTraining"]
    if len(found) != 1:
        raise BadFile(f"{path}: expected one ModelTraining, found {len(found)}")
    try:
        return ModelTraining.model_validate(found[0])
    except ValidationError as error:
        faults = "\n".join(f"  {problem}" for problem in problems_of(error, root=""))
        raise BadFile(f"{path}: the ModelTraining is not valid:\n{faults}") from None


def documents(path: Path) -> list[dict[str, Any]]:
    """All YAML documents of a file that are objects.

    Raises:
        BadFile: it cannot be read or is no YAML.
    """
    try:
        parsed = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadFile(f"{path}: cannot be read as YAML: {error}") from None
    return [document for document in parsed if isinstance(document, dict)]
