"""Every command of the README is known to a test: who adds one says here how it is run."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from perennial.api import ModelDeployment, ModelTraining, RetrainPolicy
from perennial.api.validate import validate_training

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
KINDS = {"ModelTraining": ModelTraining, "ModelDeployment": ModelDeployment, "RetrainPolicy": RetrainPolicy}

RUN_BY = {
    "make demo": "tests/e2e/test_loop.py runs its command",
    "make test": ".ci/run",
    "kubectl create namespace demo": "the demo applies it",
    "helm install perennial charts/perennial": "tests/integration/chart installs it; the demo does on the node",
    "kubectl apply -n demo -f examples/flights/objects/": "the demo, in tests/e2e/test_loop.py",
    "kubectl get mtr,mdp,rtp -n demo": "the demo prints it",
    "curl -s http://flight-delays.demo.svc/v2/models": "tests/e2e/test_loop.py asks the same URL",
    "pip install '.[trainer,cli]'": "the environment of these tests is that, locked",
    "perennial train -f examples/flights/objects/training.yaml": "below",
}


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_every_command_of_the_readme_is_run_somewhere() -> None:
    joined = [re.sub(r"\\\n\s*", "", block) for block in blocks("sh")]
    commands = [line for block in joined for line in block.splitlines() if line and not line.startswith((" ", "#"))]
    unknown = [c for c in commands if not any(c.startswith(known) for known in RUN_BY)]
    assert commands
    assert unknown == [], "say in RUN_BY how these are run"


@pytest.mark.parametrize("text", blocks("yaml"), ids=lambda text: text.split("name: ")[1].split("}")[0])
def test_the_objects_of_the_readme_are_valid(text: str) -> None:
    bodies = list(yaml.safe_load_all(text))
    assert [b["kind"] for b in bodies] == list(KINDS)
    for body in bodies:
        KINDS[body["kind"]].model_validate(body)
    assert validate_training(ModelTraining.model_validate(bodies[0]).spec) == []


def test_every_link_of_the_readme_leads_somewhere() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_examples_training_runs_on_a_laptop(tmp_path: Path) -> None:
    sys.path.insert(0, str(ROOT))
    from examples.flights.prepare import write_months

    write_months(tmp_path / "flights", [1])
    body = yaml.safe_load((ROOT / "examples" / "flights" / "objects" / "training.yaml").read_text())
    body["spec"]["data"]["train"] = {"uri": f"file://{tmp_path}/flights/"}
    body["spec"]["algorithm"]["parameters"]["max_iter"] = 10
    (tmp_path / "training.yaml").write_text(yaml.safe_dump(body))
    done = subprocess.run(
        [str(Path(sys.executable).parent / "perennial"), "train", "-f", "training.yaml", "--store", f"file://{tmp_path}/store"],
        cwd=tmp_path, capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "roc_auc" in done.stdout
