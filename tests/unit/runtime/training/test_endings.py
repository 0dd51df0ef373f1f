import pytest
from hypothesis import given
from hypothesis import strategies as st

from perennial.api.records.task import ExitCode, Outcome
from perennial.runtime.training import endings
from perennial.runtime.training.failures import DataRefused, UserCodeFailed
from perennial.store.errors import AccessDenied, EmptyDataSet, Unreachable


@pytest.mark.parametrize(
    ("error", "code", "outcome"),
    [
        (DataRefused("x"), ExitCode.DATA_REFUSED, "Refused"),
        (UserCodeFailed("x"), ExitCode.USER_CODE, "Failed"),
        (Unreachable("x"), ExitCode.STORAGE, "Failed"),
        (AccessDenied("x"), ExitCode.STORAGE, "Failed"),
        (EmptyDataSet("x"), ExitCode.DATA_REFUSED, "Refused"),
        (ZeroDivisionError("x"), ExitCode.INTERNAL, "Failed"),
    ],
)
def test_the_type_of_an_error_decides_the_exit_code(error, code, outcome):
    found, told = endings.of_error(error, "fetch")
    assert (found, told.outcome, told.stage) == (code, outcome, "fetch")


@given(st.text(max_size=9000))
def test_a_termination_message_never_exceeds_what_a_kubelet_keeps(message):
    body = endings.fitted(Outcome(outcome="Failed", reason="R", message=message))
    assert len(body) <= 4096
    assert Outcome.from_json(body).reason == "R"


def test_a_traceback_stays_in_the_log(caplog):
    try:
        raise UserCodeFailed("the estimator raised") from ValueError("deep inside")
    except UserCodeFailed as error:
        _, told = endings.of_error(error, "refine")
    assert "Traceback" not in told.message
    assert "deep inside" in caplog.text
