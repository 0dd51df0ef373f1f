"""Bringing about `spec.route`: the HTTPRoute is applied, read and removed here, one look at a time.

It is asked for by name and never watched: a cluster may lack the Gateway API, and nothing of serving waits for it.
Whatever goes wrong with a route is told in the condition `Routed` and tried again slowly.
"""

from datetime import datetime, timedelta
from typing import Any

from perennial.api.conditions import condition
from perennial.api.deployment import Route
from perennial.api.fields import parse_time
from perennial.desired import names
from perennial.desired.route import http_route
from perennial.kube.errors import (
    ApiError,
    Forbidden,
    Invalid,
    NamespaceTerminating,
    NotFound,
    NotOwned,
    NotServed,
    Retryable,
)
from perennial.kube.resources import Ref, controller_uid
from perennial.policy.routing import Routing, judge
from perennial.reconcile.context import Context
from perennial.reconcile.deployment.observed import Observed

CONDITION = "Routed"
SOONEST = timedelta(seconds=3)
LATEST = timedelta(minutes=5)

REFUSALS: tuple[tuple[type[ApiError], str], ...] = (
    (NotOwned, "NotOwned"),
    (Invalid, "ChildRefused"),
    (Forbidden, "Forbidden"),
    (Retryable, "RoutePending"),
)


async def settle_route(seen: Observed, ctx: Context) -> Routing | None:
    """Make the cluster hold the route that the spec asks for, or none.

    The condition is written before the route is made and removed after the route is, so that no route is forgotten.

    Returns:
        What the status says of it; None: there is no route, nor is one asked for.
    """
    recorded = condition(seen.deployment.status.conditions, CONDITION) is not None
    try:
        return await _settled(seen, recorded, ctx)
    except NamespaceTerminating:
        raise
    except NotServed:
        told = "this cluster has no HTTPRoute of gateway.networking.k8s.io/v1; install the Gateway API's CRDs"
        return Routing("False", "GatewayAPIMissing", f"{told}, or remove spec.route")
    except (NotOwned, Invalid, Forbidden, Retryable) as error:
        reason = next(reason for kind, reason in REFUSALS if isinstance(error, kind))
        return Routing("Unknown" if isinstance(error, Retryable) else "False", reason, str(error))


async def _settled(seen: Observed, recorded: bool, ctx: Context) -> Routing | None:
    route = seen.deployment.spec.route
    if route is None:
        if recorded:
            await _remove(seen, ctx)
        return None
    if seen.state.stable is None:
        return Routing("Unknown", "RoutePending", "the route is made when a first version serves")
    if not recorded:
        return Routing("Unknown", "RoutePending", "the route is being made")
    return await _apply(seen, route, ctx)


def look_again(seen: Observed, routing: Routing | None, now: datetime) -> timedelta | None:
    """When the route is looked at again: soon at first, then after about as long as it has been this way."""
    if routing is None:
        return None
    if routing.status == "True":
        return LATEST
    before = condition(seen.deployment.status.conditions, CONDITION)
    if before is None or before.status != routing.status:
        return SOONEST
    return min(max(now - parse_time(before.last_transition_time), SOONEST), LATEST)


async def _remove(seen: Observed, ctx: Context) -> None:
    try:
        live = await _live(seen, ctx)
    except (NotServed, NotOwned):
        return
    if live is not None:
        await ctx.kube.delete(_ref(seen), live["metadata"]["uid"])


async def _live(seen: Observed, ctx: Context) -> dict[str, Any] | None:
    """Our route, None when there is none.

    Raises:
        NotServed: the cluster lacks the Gateway API.
        NotOwned: somebody else's has the name.
    """
    try:
        live = await ctx.kube.get(_ref(seen))
    except NotServed:
        raise
    except NotFound:
        return None
    if controller_uid(live) != seen.deployment.metadata.uid:
        raise NotOwned(f"{_ref(seen)} exists and is not ours; delete or rename it, or rename this ModelDeployment")
    return live


async def _apply(seen: Observed, route: Route, ctx: Context) -> Routing:
    parent = route.parent(seen.namespace)
    model = seen.deployment.spec.model.name or seen.deployment.metadata.name
    manifest = http_route(seen.body, model, gateway=parent, hostname=route.hostname)
    live = await _live(seen, ctx)
    if live is None or ctx.kube.apply_needed(manifest, live):
        live = await ctx.kube.apply(manifest, live)
    return judge(live, await _gateway(parent, ctx), parent)


async def _gateway(parent: tuple[str, str], ctx: Context) -> dict[str, Any] | None:
    """The Gateway; None when there is none, `{}` when an operator of few namespaces may not look into its one."""
    try:
        return await ctx.kube.get(Ref("Gateway", *parent))
    except NotFound:
        return None
    except Forbidden:
        return {}


def _ref(seen: Observed) -> Ref:
    return Ref("HTTPRoute", seen.namespace, names.service(seen.deployment.metadata.name))
