"""Pairs of answers to the same rows: what counts as a disagreement."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from perennial.api.records.arms import ShadowCounts
from perennial.api.records.server import RolloutPlan
from perennial.runtime.serving.arms import Arms
from perennial.runtime.serving.counting import cells_for
from perennial.runtime.serving.exchange import Reply
from perennial.runtime.serving.grpc_messages import answer_of, outputs_of
from perennial.runtime.serving.inputs import Rows
from perennial.runtime.serving.shadow import Comparison, v1_outputs, v2_outputs
from perennial.runtime.serving.v2 import Asked, answer
from tests.unit.runtime.serving.test_counting import IDENTITY, signature

OWN = {"predict": np.array([1.0, 2.0, 3.0])}


def compared(theirs: Mapping[str, Any], own: Mapping[str, Any] = OWN, task: str = "Regression") -> ShadowCounts:
    plan = RolloutPlan(rollout="r", shadow=True, candidate_url="http://c:80")
    arms = Arms(cells_for(1), signature(task))
    arms.begin(plan)
    Comparison(arms, signature(task), lambda outputs: outputs).compare(theirs, own)
    shadow = arms.report(plan, "", IDENTITY).shadow
    assert shadow is not None
    return shadow


def test_numbers_within_one_percent_agree_and_the_distance_is_told() -> None:
    told = compared({"predict": np.array([1.0, 2.01, 4.0])})
    assert (told.pairs, told.rows, told.disagreements, told.incomparable) == (1, 3, 1, 0)
    assert told.absolute == pytest.approx(1.01)
    assert told.largest == pytest.approx(1.0)


def test_a_value_that_is_no_number_disagrees_with_one_that_is_and_not_with_its_like() -> None:
    own = {"predict": np.array([1.0, np.nan, 3.0])}
    told = compared({"predict": np.array([None, None, np.inf])}, own)  # null is how JSON says NaN
    assert (told.disagreements, told.absolute, told.largest) == (2, 0.0, 0.0)


def test_labels_disagree_when_they_are_not_the_same() -> None:
    told = compared({"predict": np.array([0, 1, 1])}, {"predict": np.array([0, 1, 0])}, "Binary")
    assert (told.rows, told.disagreements) == (3, 1)


@pytest.mark.parametrize("theirs", [{}, {"predict": np.array([1.0])}, {"other": np.array([1.0, 2.0, 3.0])}])
def test_outputs_of_another_shape_or_name_are_incomparable(theirs: dict[str, Any]) -> None:
    assert (compared(theirs).pairs, compared(theirs).incomparable) == (0, 1)


@pytest.mark.parametrize("binary", [False, True])
def test_every_protocols_answer_gives_the_outputs_that_were_sent(binary: bool) -> None:
    sent = {"predict": np.array(["yes", "no"], dtype=object), "predict_proba": np.array([[0.25, 0.75], [1.0, 0.0]])}
    modes = tuple((name, binary) for name in sent)
    asked = Asked(Rows(2, columns={}), None, modes, binary)
    body, length = answer("m", "1", asked, sent)
    headers = {} if length is None else {b"inference-header-content-length": b"%d" % length}
    got = [v2_outputs(Reply(200, headers, body)), outputs_of(answer_of("m", "1", asked, sent))]
    for outputs in got:
        assert list(outputs["predict"]) == ["yes", "no"]
        assert outputs["predict_proba"].tolist() == [[0.25, 0.75], [1.0, 0.0]]
    assert list(v1_outputs(Reply(200, {}, b'{"predictions":[1,2]}'))["predict"]) == [1, 2]
