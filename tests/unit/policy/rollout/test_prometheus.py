"""What a Prometheus query says about a step and about the bake."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perennial.api.deployment_status import CandidateStatus
from perennial.api.records.arms import ArmCounts
from perennial.api.rollout import Analysis, PrometheusQuery
from perennial.policy.rollout import Rules, StepRule
from perennial.policy.rollout.analysis import SUSTAINED_POINTS, Reading, analyse, filled, queries, read_answer, watch
from perennial.policy.rollout.analysis.judging import share_of_alpha
from perennial.policy.rollout.arms import Arms
from tests.support.simulated_arms import Arm, Model, arms

ERRORS = Analysis(metric="errorRate", max=0.01)


def asks(**limits: float) -> Analysis:
    return Analysis(prometheus=PrometheusQuery(query="x"), **limits)


def rules(*analysis: Analysis, steps: int = 1) -> Rules:
    return Rules(steps=tuple(StepRule(5 * n, 100) for n in range(1, steps + 1)), analysis=analysis)


def counted(many: int = 20_000) -> Arms:
    both = [Arm(Model(), np.random.default_rng(seed)) for seed in (1, 2)]
    for arm in both:
        arm.serve(many)
    return arms(*both)


def data(kind: str, result: list[Any]) -> dict[str, Any]:
    return {"status": "success", "data": {"resultType": kind, "result": result}}


def vector(*values: Any) -> dict[str, Any]:
    return data("vector", [{"metric": {"i": str(i)}, "value": [1.5, v]} for i, v in enumerate(values)])


@pytest.mark.parametrize(
    ("limits", "value", "result"),
    [
        ({"max": 2}, 2.0, "Passed"),
        ({"max": 2}, 2.1, "Failed"),
        ({"min": 2}, 2.0, "Passed"),
        ({"min": 2}, 1.9, "Failed"),
        ({"min": 1, "max": 2}, 1.5, "Passed"),
        ({"min": 1, "max": 2}, 2.5, "Failed"),
        ({"min": 1, "max": 2}, 0.5, "Failed"),
        ({"max": -1}, 0.0, "Failed"),
    ],
)
def test_a_number_within_its_limits_passes_the_step_and_one_beyond_fails_it(
    limits: dict[str, float], value: float, result: str
) -> None:
    verdict, (row,) = analyse(counted(), rules(asks(**limits)), 0, due=True, readings={"prometheus": Reading((value,))})
    assert (verdict.result, row.result, row.candidate) == (result, result, value)
    assert (row.samples, row.needed) == (None, None)
    assert str(value).removesuffix(".0") in row.message
    if result == "Failed":
        assert verdict.reason == "AnalysisFailed"
        assert str(value).removesuffix(".0") in verdict.message


def test_a_step_is_not_ended_by_a_number_before_it_is_due() -> None:
    verdict, (row,) = analyse(counted(), rules(asks(max=1)), 0, due=False, readings={"prometheus": Reading((9.0,))})
    assert (verdict.result, row.result, row.candidate) == ("Short", "Waiting", 9.0)


@pytest.mark.parametrize("late", [False, True])
def test_without_a_number_the_step_neither_passes_nor_fails_and_says_why(late: bool) -> None:
    told = Reading(problem="the query gives no series; exactly one is needed")
    verdict, rows = analyse(
        counted(), rules(ERRORS, asks(max=1)), 0, due=True, late=late, readings={"prometheus": told}
    )
    assert verdict.result == "Short"
    assert "prometheus: the query gives no series" in verdict.message
    by_name = {row.metric: row for row in rows}
    assert by_name["errorRate"].result == ("Passed" if late else "Waiting")
    assert by_name["prometheus"].result == ("NotEnoughEvidence" if late else "Waiting")
    assert "no series" in by_name["prometheus"].message


def test_a_query_that_was_never_asked_passes_nothing() -> None:
    verdict, (row,) = analyse(counted(), rules(asks(max=1)), 0, due=True, late=True)
    assert (verdict.result, row.result) == ("Short", "NotEnoughEvidence")


def test_each_of_several_queries_has_a_row_of_its_own_and_one_that_fails_fails_the_step() -> None:
    several = rules(asks(max=1), ERRORS, asks(min=5))
    assert [name for name, _ in queries(several.analysis)] == ["prometheus-1", "prometheus-2"]
    readings = {"prometheus-1": Reading((0.0,)), "prometheus-2": Reading((4.0,))}
    verdict, rows = analyse(counted(), several, 0, due=True, readings=readings)
    assert {row.metric: row.result for row in rows} == {
        "errorRate": "Passed", "prometheus-1": "Passed", "prometheus-2": "Failed",
    }  # fmt: skip
    assert verdict.result == "Failed"


def test_a_query_takes_no_power_from_the_tests_beside_it() -> None:
    alone = rules(ERRORS, steps=3)
    assert share_of_alpha(rules(ERRORS, asks(max=1), asks(max=1), steps=3)) == share_of_alpha(alone)
    assert share_of_alpha(rules(asks(max=1))) > 0


def baking(reading: Reading) -> tuple[str, str]:
    empty = Arms(ArmCounts(), ArmCounts())
    verdict, (row,) = watch(empty, rules(asks(max=1)), {}, {"prometheus": reading})
    return verdict.result, row.result


def test_in_the_bake_only_a_limit_that_is_broken_all_along_is_harm() -> None:
    bad, good = (9.0,), (0.5,)
    assert baking(Reading(bad * SUSTAINED_POINTS)) == ("Failed", "Failed")
    assert baking(Reading(bad * (SUSTAINED_POINTS - 1))) == ("Short", "Waiting")
    assert baking(Reading(bad * 4 + good + bad * (SUSTAINED_POINTS - 5))) == ("Short", "Waiting")
    assert baking(Reading(good + bad * SUSTAINED_POINTS)) == ("Failed", "Failed")
    assert baking(Reading(problem="gone")) == ("Short", "Waiting")


def test_placeholders_stand_for_the_revision_as_pods_are_labelled() -> None:
    query = 'rate(x{version="{{version}}", revision="{{revision}}"}[5m]) / {{version}}'
    told = filled(query, version=7, revision_key="ab" * 32)
    assert told == 'rate(x{version="7", revision="abababab"}[5m]) / 7'
    assert filled("{{version}}", version=None, revision_key="x") == ""


@pytest.mark.parametrize(
    ("body", "values", "problem"),
    [
        (vector("0.25"), (0.25,), ""),
        (vector("1e-3"), (0.001,), ""),
        (data("scalar", [1.5, "3"]), (3.0,), ""),
        (vector(), (), "no series"),
        (vector("1", "2"), (), "2 series"),
        (vector("NaN"), (), "nan"),
        (vector("+Inf"), (), "inf"),
        (vector("x"), (), "not Prometheus'"),
        (data("string", [1, "a"]), (), "gives a string"),
        (data("matrix", [{"metric": {}, "values": [[1, "1"]]}]), (), "gives a matrix"),
        ({"status": "success", "data": None}, (), "without a type"),
        ({"status": "error", "errorType": "bad_data", "error": "wrong" + "x" * 900}, (), "bad_data: wrong"),
        (None, (), "not Prometheus'"),
        ([1], (), "not Prometheus'"),
        ({"status": "fine"}, (), "not Prometheus'"),
    ],
)  # fmt: skip
def test_an_answer_is_a_number_or_the_reason_why_there_is_none(body: Any, values: tuple, problem: str) -> None:
    reading = read_answer(body)
    assert reading.values == values
    assert problem in reading.problem
    assert bool(reading.values) != bool(reading.problem)
    assert len(reading.problem) < 300


def test_a_range_gives_all_its_points_and_needs_one_series_too() -> None:
    points = [[1, "1"], [2, "2"]]
    assert read_answer(data("matrix", [{"metric": {}, "values": points}]), over=True).values == (1.0, 2.0)
    assert "no series" in read_answer(data("matrix", []), over=True).problem
    assert "gives a vector" in read_answer(vector("1"), over=True).problem
    assert "no points" in read_answer(data("matrix", [{"metric": {}, "values": []}]), over=True).problem


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=9) | st.sampled_from(["success", "vector", "1"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["status", "data", "resultType", "result", "value", "values"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(JSON, st.booleans())
def test_whatever_a_server_answers_there_is_a_verdict_that_fits_the_status(body: Any, late: bool) -> None:
    reading = read_answer(json.loads(json.dumps(body)))
    verdict, rows = analyse(
        Arms(ArmCounts(), ArmCounts()), rules(asks(max=1)), 0, due=True, late=late, readings={"prometheus": reading}
    )
    CandidateStatus(revision="r", analysis=rows, message=verdict.message)
