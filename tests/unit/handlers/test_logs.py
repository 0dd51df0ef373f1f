"""A log line is one JSON object."""

import json
import logging
import sys

from perennial.handlers.logs import JsonLines


def line(**extra) -> dict:
    record = logging.LogRecord("perennial.x", logging.WARNING, "f", 1, "text %s", ("ü\n",), None)
    record.__dict__ |= extra
    formatted = JsonLines().format(record)
    assert "\n" not in formatted
    return json.loads(formatted)


def test_it_says_when_what_where_and_about_which_object() -> None:
    said = line(object="ModelTraining n/m", generation=3)
    assert said.pop("time").endswith("+00:00")
    assert said == {
        "level": "warning",
        "logger": "perennial.x",
        "message": "text ü\n",
        "object": "ModelTraining n/m",
        "generation": 3,
    }


def test_an_error_carries_its_trace_in_the_same_line() -> None:
    try:
        raise ValueError("boom")
    except ValueError:
        assert "ValueError: boom" in line(exc_info=sys.exc_info())["error"]
