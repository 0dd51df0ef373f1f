"""Reasons: all documented, and none used that is not."""

import ast
import re
from pathlib import Path

import perennial
from perennial.api import reasons

PACKAGE = Path(perennial.__file__).parent


def test_every_reason_is_a_constant_with_its_own_value() -> None:
    constants = {v for k, v in vars(reasons).items() if k.isupper() and isinstance(v, str) and v != reasons.NOTHING}
    assert constants == set(reasons.REASONS)


def test_every_reason_says_what_it_means_and_what_to_do() -> None:
    for name, reason in reasons.REASONS.items():
        assert re.fullmatch("[A-Z][A-Za-z]{2,63}", name)
        assert reason.meaning.endswith((".", "?")), name
        assert reason.remedy.endswith((".", "?", "`")) or "`" in reason.remedy, name
        assert not (reason.warning and reason.remedy == reasons.NOTHING), name


def used() -> dict[str, set[str]]:
    """Reasons that the code names as `reason=` of a call, with the files."""
    found: dict[str, set[str]] = {}
    deciding = [p for part in ("policy", "reconcile", "runtime/training") for p in (PACKAGE / part).rglob("*.py")]
    for path in deciding:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "reason" and isinstance(node.value, ast.Constant):
                found.setdefault(str(node.value.value), set()).add(path.name)
    return found


def test_no_reason_is_used_that_is_not_documented() -> None:
    unknown = {name: files for name, files in used().items() if name and name not in reasons.REASONS}
    assert unknown == {}
