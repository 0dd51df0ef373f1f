"""The `sh` blocks of tutorials and how-tos are run in the order in which a reader would type them; objects are checked.

`console` blocks are shown, not run.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from perennial.api import ModelDeployment, ModelTraining, RetrainPolicy
from perennial.api.validate import validate_training

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.glob("tutorials/*.md"), *DOCS.glob("how-to/*.md")])
END_WHAT_IT_STARTED = "trap 'kill $(jobs -p) 2> /dev/null || true' EXIT"
ON_THIS_MACHINE = [page for page in PAGES if "```sh\n" in page.read_text()]
OBJECTS = [
    pytest.param(body, id=f"{page.stem}: {body['kind']}")
    for page in PAGES
    for block in re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)
    for body in yaml.safe_load_all(block)
]
KINDS = {"ModelTraining": ModelTraining, "ModelDeployment": ModelDeployment, "RetrainPolicy": RetrainPolicy}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", ON_THIS_MACHINE, ids=lambda page: page.stem)
def test_the_commands_of_a_page_work_as_they_stand(page: Path, tmp_path: Path) -> None:
    script = "\n".join(re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL))
    for folder in ("examples", "operator"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-m", "-euo", "pipefail", "-c", f"{END_WHAT_IT_STARTED}\n{script}"],
        cwd=tmp_path, env={**os.environ, "PATH": path, "XDG_DATA_HOME": str(tmp_path / "data")},
        capture_output=True, text=True, timeout=580, check=False, start_new_session=True,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


@pytest.mark.parametrize("body", OBJECTS)
def test_the_objects_of_a_page_are_valid(body: dict[str, Any]) -> None:
    found = KINDS[body["kind"]].model_validate(body)
    if isinstance(found, ModelTraining):
        assert validate_training(found.spec) == []


def test_every_page_has_commands_or_objects() -> None:
    shown = {page for page in PAGES if "```yaml\n" in page.read_text()} | set(ON_THIS_MACHINE)
    assert set(PAGES) - shown == set(), "a page without either belongs into docs/explanation"
