"""Does a number from Prometheus keep its limits? Reads the server's answer and judges it. Pure; asks nobody.

A query spends none of the rollout's α: how much its number varies by chance is not known here, so that its limit is
compared as it stands and the probability of stopping a good candidate by it is the query's author's to choose.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Any

from perennial.api.rollout import Analysis
from perennial.policy.rollout.analysis.finding import Finding

SUSTAINED_POINTS = 9
"""While a revision bakes, its query is looked at again and again. Harm is a limit that was broken at all of so many
points in a row, a quarter of a minute apart: what Prometheus' own alerts call `for: 2m`."""

LONGEST_QUOTE = 200
"""Characters of a server's error that are told."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a query gave: values, oldest first (one for a step), or why there is none."""

    values: tuple[float, ...] = ()
    problem: str = ""


UNASKED = Reading(problem="it has not been asked yet")


def queries(analysis: Iterable[Analysis]) -> Iterator[tuple[str, Analysis]]:
    """The rules that ask Prometheus, with the names of their rows: `prometheus`, or numbered where there are more."""
    rules = [rule for rule in analysis if rule.prometheus is not None]
    for number, rule in enumerate(rules, 1):
        yield "prometheus" if len(rules) == 1 else f"prometheus-{number}", rule


def filled(query: str, *, version: int | None, revision_key: str) -> str:
    """A query about one revision: `{{version}}` is its number (empty without one), `{{revision}}` the value of its
    pods' label perennial.dev/revision."""
    number = "" if version is None else str(version)
    return query.replace("{{version}}", number).replace("{{revision}}", revision_key[:8])


def read_answer(body: Any, *, over: bool = False) -> Reading:
    """What an answer of the HTTP API says; any JSON value is borne.

    Args:
        body: the answer of `/api/v1/query`, or with `over` of `/api/v1/query_range`.

    Source: https://prometheus.io/docs/prometheus/latest/querying/api/, "Format overview".
    """
    if not isinstance(body, dict) or body.get("status") not in ("success", "error"):
        return Reading(problem="the answer is not Prometheus'")
    if body["status"] == "error":
        told = f"{body.get('errorType', 'error')}: {body.get('error', '')}"
        return Reading(problem=f"the query was refused: {told[:LONGEST_QUOTE]}")
    data = body.get("data")
    kind, result = (data.get("resultType"), data.get("result")) if isinstance(data, dict) else (None, None)
    if kind == "scalar" and not over:
        return _values([result])
    if kind != ("matrix" if over else "vector") or not isinstance(result, list):
        return Reading(problem=f"the query gives a {kind or 'thing without a type'}; ask for one number")
    if len(result) != 1:
        told = "no series" if not result else f"{len(result)} series, such as sum(…) would make one"
        return Reading(problem=f"the query gives {told}; exactly one is needed")
    series = result[0] if isinstance(result[0], dict) else {}
    return _values([series.get("value")] if kind == "vector" else series.get("values"))


def _values(pairs: Any) -> Reading:
    try:
        values = tuple(float(value) for _, value in pairs)
    except (TypeError, ValueError):
        return Reading(problem="the answer is not Prometheus'")
    odd = next((value for value in values if not isfinite(value)), None)
    if odd is not None:
        return Reading(problem=f"the query gives {odd}, as 0/0 does where nothing was counted; a number is needed")
    return Reading(values) if values else Reading(problem="the query gives no points")


def at_step(name: str, rule: Analysis, reading: Reading) -> Finding:
    """The finding for a step, which is judged on the value at that moment."""
    if reading.problem:
        return Finding(name, settled=False, message=reading.problem)
    value = reading.values[-1]
    told = f"the query gives {value:.6g}; {_wanted(rule)}"
    return Finding(name, candidate=value, settled=True, is_beyond=_breaks(rule, value), message=told)


def sustained(name: str, rule: Analysis, reading: Reading) -> Finding:
    """The finding while a revision bakes: beyond its limit all along."""
    if reading.problem:
        return Finding(name, settled=False, message=reading.problem)
    last = reading.values[-SUSTAINED_POINTS:]
    beyond = len(last) == SUSTAINED_POINTS and all(_breaks(rule, value) for value in last)
    told = f"the query has given {min(last):.6g} to {max(last):.6g} for two minutes; {_wanted(rule)}"
    return Finding(name, candidate=last[-1], settled=True, is_beyond=beyond, message=told)


def _breaks(rule: Analysis, value: float) -> bool:
    return (rule.min is not None and value < rule.min) or (rule.max is not None and value > rule.max)


def _wanted(rule: Analysis) -> str:
    limits = [("at least", rule.min), ("at most", rule.max)]
    return " and ".join(f"{word} {limit:.6g}" for word, limit in limits if limit is not None) + " is wanted"
