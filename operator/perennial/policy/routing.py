"""What a gateway says of a route, and under which address the model is then reached. Pure; nothing is sent here."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Body = Mapping[str, Any]
DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Routing:
    """The condition `Routed`, and where the route leads."""

    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str = ""
    url: str = ""  # empty: the gateway's address is not known, or it has not accepted the route


def judge(route: Body, gateway: Body | None, parent: tuple[str, str]) -> Routing:
    """The verdict on a live HTTPRoute.

    Args:
        route: the live HTTPRoute.
        gateway: the live Gateway, `{}` when it may not be read, None when there is none.
        parent: namespace and name of the Gateway.
    """
    named = f"Gateway {parent[0]}/{parent[1]}"
    if gateway is None:
        return Routing("False", "GatewayNotFound", f"spec.route.gateway: {named} does not exist")
    conditions = _conditions(route, parent)
    accepted = conditions.get("Accepted")
    if accepted is None or accepted["status"] == "Unknown":
        told = f"{named} has not answered yet; a controller of the Gateway API has to look after its class"
        return Routing("Unknown", "RoutePending", told)
    refused = next((conditions[t] for t in ("Accepted", "ResolvedRefs") if _is_false(conditions.get(t))), None)
    if refused is not None:
        words = f"{refused.get('reason', '')}: {refused.get('message', '')}".rstrip(": ")
        return Routing("False", "RouteRefused", f"{named} refuses the route: {words}")
    url = address(gateway, (route.get("spec") or {}).get("hostnames") or [])
    return Routing("True", "Routed", f"{named} has accepted the route", url)


def _conditions(route: Body, parent: tuple[str, str]) -> dict[str, Body]:
    """Conditions about the route as it is now, of the gateway that was asked for."""
    meta, found = route["metadata"], dict[str, Body]()
    for answer in (route.get("status") or {}).get("parents") or ():
        ref = answer.get("parentRef") or {}
        if (ref.get("namespace", meta["namespace"]), ref.get("name")) == parent:
            for one in answer.get("conditions") or ():
                if one.get("observedGeneration", meta.get("generation", 0)) >= meta.get("generation", 0):
                    found[one["type"]] = one
    return found


def _is_false(condition: Body | None) -> bool:
    return condition is not None and condition["status"] == "False"


def address(gateway: Body, hostnames: list[str]) -> str:
    """The URL of a host behind a gateway, empty when no host is known. A listener with TLS is preferred.

    Without a host name of the route it is the listener's own, or the gateway's address.
    """
    fitting = [one for host in hostnames or [""] for one in _listeners(gateway, host)]
    known = {str(a.get("value", "")) for a in (gateway.get("status") or {}).get("addresses") or ()}
    listener = next((one for one in fitting if one.get("protocol") == "HTTPS"), fitting[0] if fitting else {})
    own = str(listener.get("hostname", ""))
    host = hostnames[0] if hostnames else ("" if own.startswith("*") else own) or min(known, default="")
    if not host:
        return ""
    scheme = "https" if listener.get("protocol") == "HTTPS" else "http"
    port = listener.get("port", DEFAULT_PORTS[scheme])
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}" if port == DEFAULT_PORTS[scheme] else f"{scheme}://{shown}:{port}"


def _listeners(gateway: Body, host: str) -> Iterator[Body]:
    for one in (gateway.get("spec") or {}).get("listeners") or ():
        own = str(one.get("hostname", ""))
        fits = not own or not host or own == host or (own.startswith("*.") and host.endswith(own[1:]))
        if one.get("protocol") in ("HTTP", "HTTPS") and fits:
            yield one
