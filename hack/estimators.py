"""`python -m hack.estimators`: writes the estimators that a spec may name, for an API that imports no scikit-learn."""

import inspect
import json
from pathlib import Path
from typing import Any

from perennial.runtime.artifacts import estimator_task, known_estimators

TARGET = Path(__file__).parents[1] / "operator/perennial/api/estimators.json"
KEYWORDS = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)


def entry(path: str, cls: Any) -> dict[str, Any] | None:
    """What the API needs to know of one estimator; None if a spec cannot make it, for it wants another object."""
    parameters = inspect.signature(cls).parameters.values()
    if any(p.default is p.empty and p.kind not in KEYWORDS for p in parameters):
        return None
    return {
        "task": estimator_task(path),
        "probabilities": hasattr(cls, "predict_proba"),
        "open": any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters),
        "parameters": sorted(cls._get_param_names()) if not path.startswith(("xgboost", "lightgbm")) else names(cls),
    }


def names(cls: Any) -> list[str]:
    """Parameters of a booster: its own and those that it hands to its parent."""
    known = {p.name for c in cls.__mro__ if "__init__" in vars(c) for p in inspect.signature(c).parameters.values()}
    return sorted(known - {"self", "args", "kwargs"})


def table() -> dict[str, Any]:
    """Dotted path → entry, sorted."""
    made = {path: entry(path, cls) for path, cls in sorted(known_estimators().items())}
    return {path: found for path, found in made.items() if found is not None}


def text() -> str:
    """The file's text: one line an estimator."""
    lines = [f"  {json.dumps(path)}: {json.dumps(found)}" for path, found in table().items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
