"""Golden manifests: a builder's output as YAML in the tree, read in review.

`PERENNIAL_REFRESH_GOLDEN=1 pytest …` (or `make generate`) writes them anew.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

REFRESH = os.environ.get("PERENNIAL_REFRESH_GOLDEN") == "1"


def assert_golden(path: Path, *manifests: Mapping[str, Any]) -> None:
    """Compare manifests with the golden file, or refresh it."""
    text = yaml.safe_dump_all(manifests, sort_keys=True, width=110)
    if REFRESH:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert path.exists(), f"{path.name} is missing: run PERENNIAL_REFRESH_GOLDEN=1 pytest {path.parent}"
    assert text == path.read_text(), f"{path.name} differs from what is built now; make generate refreshes it"
