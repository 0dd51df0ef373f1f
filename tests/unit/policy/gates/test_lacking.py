"""Which runs are measured again before they are judged."""

from typing import Any

import pytest

from perennial.api.records.run import Comparison, SliceMeasured
from perennial.policy.gates.lacking import lacking
from tests.unit.policy.gates.test_gates import CHAMPION, RUN, auc, gate, run

COMPARED = Comparison(against=CHAMPION, metric="roc_auc", n=100, delta=0, se=0.1, challenger=0.8, champion=0.8)
BY_KIND = SliceMeasured(column="kind", level="x", rows=100, metrics={})
AGAINST = gate(champion={})
SLICED = gate(min=0.5, slice={"column": "kind"})


@pytest.mark.parametrize(
    ("one", "facts", "champion"),
    [
        (gate(min=0.5), {"metrics": auc(0.8)}, CHAMPION),
        (AGAINST, {}, None),
        (AGAINST, {}, RUN),
        (AGAINST, {"comparisons": [COMPARED]}, CHAMPION),
        (AGAINST, {"champion": CHAMPION}, CHAMPION),  # compared in vain
        (AGAINST, {"chosen": {"refit": "all"}}, CHAMPION),
        (SLICED, {"slices": [BY_KIND]}, CHAMPION),
    ],
)
def test_a_run_with_all_that_its_gates_look_at_is_judged_as_it_is(one: Any, facts: Any, champion: str | None) -> None:
    assert lacking([one], run(**facts), champion) == []


@pytest.mark.parametrize(
    ("one", "facts", "named"),
    [
        (gate(min=0.5), {}, "roc_auc"),
        (AGAINST, {}, "against the champion"),
        (AGAINST, {"champion": "sha256:" + "3" * 64}, "against the champion"),  # another one was named then
        (gate(metric="accuracy", champion={}), {"comparisons": [COMPARED], "champion": CHAMPION}, "accuracy against"),
        (SLICED, {}, "slices by kind"),
    ],
)
def test_what_the_gates_look_at_and_the_run_does_not_tell_is_named(one: Any, facts: Any, named: str) -> None:
    (found,) = lacking([one, one], run(**facts), CHAMPION)
    assert named in found
