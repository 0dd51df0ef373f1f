"""The reference pages: what the models say, each field once, every link with a heading."""

import re
from pathlib import Path

import pytest

from perennial.api.reasons import REASONS
from perennial.api.reference import files

PAGES = Path(__file__).parents[3] / "docs/reference"
MADE = files()


@pytest.mark.parametrize("name", sorted(MADE))
def test_a_page_is_what_the_models_say(name: str) -> None:
    assert (PAGES / name).read_text() == MADE[name], "run `python -m perennial.api.reference`"


@pytest.mark.parametrize("name", sorted(MADE))
def test_every_link_of_a_page_has_its_heading(name: str) -> None:
    text = MADE[name]
    headings = [re.sub(r"[^a-z0-9 _-]", "", h.lower()).replace(" ", "-") for h in re.findall(r"^#+ (.*)$", text, re.M)]
    assert len(headings) == len(set(headings))
    assert set(re.findall(r"\]\(#([^)]*)\)", text)) <= set(headings)


def test_every_reason_is_on_its_page() -> None:
    assert all(f"`{name}`" in MADE["reasons.md"] for name in REASONS)


@pytest.mark.parametrize(
    ("page", "row"),
    [
        ("modeltraining.md", "| `from` | time |  | First moment of"),
        ("modeltraining.md", "| `backoffLimit` | integer ≥ 0 ≤ 100 | `3` |"),
        ("modeldeployment.md", "| `bake` | duration | `10m` |"),
        ("modeldeployment.md", "| `maxRequestBytes` | quantity | `16Mi` |"),
        ("retrainpolicy.md", "| `usedCPUHours` | number | `0` |"),
        ("retrainpolicy.md", "| `trainingRef` (required) | object [spec.trainingRef](#spectrainingref) |"),
    ],
)
def test_a_field_is_shown_with_type_default_and_meaning(page: str, row: str) -> None:
    assert row in MADE[page]
