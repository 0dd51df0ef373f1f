"""Rules in their CEL form, on a real API server: the same examples as the Python form, messages included."""

import json
import re
from collections.abc import Iterable
from typing import Any

import pytest

from tests.support.apiserver import ApiServer
from tests.support.rule_examples import EXAMPLES, Example, body

pytestmark = pytest.mark.apiserver

NUMBERED = list(enumerate(EXAMPLES))


def refusals(apiserver: ApiServer, bodies: Iterable[dict[str, Any]]) -> dict[str, str]:
    """Create all in one dry run; name → what the server said of those it refused."""
    listed = {"apiVersion": "v1", "kind": "List", "items": list(bodies)}
    run = apiserver.kubectl(
        "create", "--dry-run=server", "--validate=strict", "-f", "-", input=json.dumps(listed), check=False, timeout=120
    )
    said: dict[str, str] = {}
    name = ""
    for line in run.stderr.splitlines():
        begins = re.search(r'"(row-\d+)" is invalid|"(row-\d+)"', line)
        name = (begins[1] or begins[2]) if begins else name
        said[name] = said.get(name, "") + line + "\n"
    return said


@pytest.fixture(scope="module")
def refused(with_crds: ApiServer) -> dict[str, str]:
    return refusals(with_crds, (body(e.kind, e.bad, f"row-{i}") for i, e in NUMBERED))


@pytest.fixture(scope="module")
def refused_good(with_crds: ApiServer) -> dict[str, str]:
    return refusals(with_crds, (body(e.kind, e.good, f"row-{i}") for i, e in NUMBERED if e.good))


@pytest.mark.parametrize(("index", "example"), NUMBERED, ids=[e.name for e in EXAMPLES])
def test_the_server_refuses_and_says_what_to_write(index: int, example: Example, refused: dict[str, str]) -> None:
    assert example.message in refused.get(f"row-{index}", "accepted")


@pytest.mark.parametrize(
    ("index", "example"), [n for n in NUMBERED if n[1].good], ids=[e.name for e in EXAMPLES if e.good]
)
def test_the_server_accepts_what_the_message_advises(
    index: int, example: Example, refused_good: dict[str, str]
) -> None:
    assert example.message not in refused_good.get(f"row-{index}", "")


def test_what_is_good_is_accepted_altogether(refused_good: dict[str, str]) -> None:
    """Nothing but what is not supported yet stands against the good examples."""
    others = {name: said for name, said in refused_good.items() if "not supported yet" not in said}
    assert others == {}
