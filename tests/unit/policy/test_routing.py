"""What a gateway's answers mean, and the URL behind it."""

from typing import Any

import pytest

from perennial.policy.routing import address, judge

PARENT = ("infra", "public")
HTTP = {"name": "web", "port": 80, "protocol": "HTTP"}
HTTPS = {"name": "tls", "port": 443, "protocol": "HTTPS"}


def gateway(*listeners: dict[str, Any], addresses: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"spec": {"listeners": listeners}, "status": {"addresses": [{"value": a} for a in addresses]}}


def route(*parents: dict[str, Any], generation: int = 2, hostnames: tuple[str, ...] = ("a.example.com",)) -> dict:
    return {
        "metadata": {"namespace": "demo", "generation": generation},
        "spec": {"hostnames": list(hostnames)},
        "status": {"parents": list(parents)},
    }


def answer(parent: dict[str, str] | None = None, *, seen: int = 2, **conditions: str) -> dict[str, Any]:
    told = [{"type": t, "status": s, "reason": "R", "message": "m", "observedGeneration": seen}
            for t, s in conditions.items()]  # fmt: skip
    return {"parentRef": parent or {"namespace": "infra", "name": "public"}, "conditions": told}


@pytest.mark.parametrize(
    ("live", "status", "reason"),
    [
        (route(answer(Accepted="True", ResolvedRefs="True")), "True", "Routed"),
        (route(answer(Accepted="True")), "True", "Routed"),
        (route(answer(Accepted="False")), "False", "RouteRefused"),
        (route(answer(Accepted="True", ResolvedRefs="False")), "False", "RouteRefused"),
        (route(answer(Accepted="Unknown")), "Unknown", "RoutePending"),
        (route(), "Unknown", "RoutePending"),
        (route(answer(seen=1, Accepted="True")), "Unknown", "RoutePending"),
        (route(answer({"name": "public"}, Accepted="True")), "Unknown", "RoutePending"),
        (route(answer({"namespace": "infra", "name": "other"}, Accepted="False")), "Unknown", "RoutePending"),
    ],
)
def test_only_what_the_wanted_gateway_says_of_the_route_as_it_is_now_counts(
    live: dict, status: str, reason: str
) -> None:
    verdict = judge(live, gateway(HTTP), PARENT)
    assert (verdict.status, verdict.reason) == (status, reason)
    assert bool(verdict.url) == (status == "True")
    assert "infra/public" in verdict.message


def test_a_gateway_in_the_routes_own_namespace_may_be_answered_without_naming_it() -> None:
    assert judge(route(answer({"name": "public"}, Accepted="True")), gateway(HTTP), ("demo", "public")).status == "True"


def test_a_gateway_that_is_not_there_is_named_and_one_that_may_not_be_read_is_not_called_missing() -> None:
    accepted = route(answer(Accepted="True"))
    assert judge(accepted, None, PARENT).reason == "GatewayNotFound"
    assert judge(accepted, {}, PARENT).url == "http://a.example.com"


@pytest.mark.parametrize(
    ("listeners", "hostnames", "addresses", "url"),
    [
        ((HTTP,), ["a.example.com"], (), "http://a.example.com"),
        ((HTTP, HTTPS), ["a.example.com"], (), "https://a.example.com"),
        (({**HTTPS, "port": 8443},), ["a.example.com"], (), "https://a.example.com:8443"),
        (({**HTTP, "port": 8080},), ["a.example.com"], (), "http://a.example.com:8080"),
        ((HTTP, {**HTTPS, "hostname": "*.example.com"}), ["a.example.com"], (), "https://a.example.com"),
        ((HTTP, {**HTTPS, "hostname": "*.example.org"}), ["a.example.com"], (), "http://a.example.com"),
        ((HTTP, {**HTTPS, "hostname": "b.example.com"}), ["a.example.com"], (), "http://a.example.com"),
        (({**HTTP, "hostname": "a.example.com"},), [], (), "http://a.example.com"),
        (({**HTTP, "hostname": "*.example.com"},), [], ("10.0.0.1",), "http://10.0.0.1"),
        ((HTTP,), [], ("fd00::1",), "http://[fd00::1]"),
        (({"port": 5432, "protocol": "TCP"}, HTTP), [], ("10.0.0.1",), "http://10.0.0.1"),
        ((HTTP,), [], (), ""),
    ],
)
def test_the_url_is_the_host_under_the_scheme_and_port_of_a_listener_that_takes_it(
    listeners: tuple[dict[str, Any], ...], hostnames: list[str], addresses: tuple[str, ...], url: str
) -> None:
    assert address(gateway(*listeners, addresses=addresses), hostnames) == url
