"""spec.route on a real API server: with and without the Gateway API, which is the published one."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from perennial.kube.client import Kube
from perennial.kube.resources import Ref
from tests.integration.reconcile.rollouts import MERGE, approve, condition, deployment, serve
from tests.integration.reconcile.world import World
from tests.support import gateway_api
from tests.support.apiserver import ApiServer

pytestmark = [pytest.mark.apiserver, pytest.mark.s3, pytest.mark.timeout(300)]

ROUTE = {"gateway": "infra/public", "hostname": "flights.example.com"}
ACCEPTED = {"type": "Accepted", "status": "True", "reason": "Accepted", "message": ""}
RESOLVED = {"type": "ResolvedRefs", "status": "True", "reason": "ResolvedRefs", "message": ""}


@pytest.fixture
def gateways(served: ApiServer) -> Iterator[ApiServer]:
    with gateway_api.installed(served.kubectl):
        yield served


async def look(world: World) -> dict[str, Any]:
    await world.settle()
    return await world.get("ModelDeployment", "d")


def make_gateway(server: ApiServer, namespace: str, *listeners: dict[str, Any]) -> None:
    server.kubectl("create", "namespace", namespace, check=False)
    spec = {"gatewayClassName": "x", "listeners": [{"name": f"l{i}", **one} for i, one in enumerate(listeners)]}
    body = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "spec": spec}
    body["metadata"] = {"name": "public", "namespace": namespace}
    server.kubectl("apply", "-f", "-", input=str(body).replace("'", '"'))


async def answer(world: World, *conditions: dict[str, Any]) -> None:
    """What the gateway's controller says of the route."""
    live = await world.get("HTTPRoute", "d")
    generation = live["metadata"]["generation"]
    now = {"lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": generation}
    parent = {"parentRef": live["spec"]["parentRefs"][0], "controllerName": "example.com/gateways"}
    status = {"parents": [{**parent, "conditions": [{**c, **now} for c in conditions]}]}
    kube = Kube(world.access)
    await kube.raw("PATCH", Ref.to(live).path("status"), body={"status": status}, content_type=MERGE)
    await kube.close()


async def test_an_accepted_route_leads_to_the_public_service_and_gives_the_url(
    world: World, gateways: ApiServer
) -> None:
    make_gateway(gateways, "infra", {"port": 80, "protocol": "HTTP"})
    approve(world)
    live = await serve(world, deployment(world, route=ROUTE))
    assert condition(live, "Ready")["status"] == "True"
    assert (condition(live, "Routed")["status"], condition(live, "Routed")["reason"]) == ("Unknown", "RoutePending")
    assert live["status"]["url"] == f"http://d.{world.namespace}.svc"
    route = await world.get("HTTPRoute", "d")
    assert route["spec"]["parentRefs"][0]["namespace"] == "infra"
    assert route["spec"]["hostnames"] == ["flights.example.com"]
    (backend,) = route["spec"]["rules"][0]["backendRefs"]
    assert (backend["name"], backend["port"]) == ("d", 80)
    assert route["metadata"]["ownerReferences"][0]["uid"] == live["metadata"]["uid"]
    await answer(world, ACCEPTED, RESOLVED)
    live = await look(world)
    assert (condition(live, "Routed")["status"], condition(live, "Routed")["reason"]) == ("True", "Routed")
    assert live["status"]["url"] == "http://flights.example.com"
    assert await world.settle() == []


async def test_a_hand_edited_route_is_mended_and_a_changed_host_is_asked_for_anew(
    world: World, gateways: ApiServer
) -> None:
    make_gateway(gateways, "infra", {"port": 443, "protocol": "HTTPS", "tls": {"certificateRefs": [{"name": "c"}]}})
    approve(world)
    await serve(world, deployment(world, route=ROUTE))
    await answer(world, ACCEPTED)
    assert (await look(world))["status"]["url"] == "https://flights.example.com"
    kube = Kube(world.access)
    path = Ref("HTTPRoute", world.namespace, "d").path()
    await kube.raw("PATCH", path, body={"spec": {"hostnames": ["evil.example.com"]}}, content_type=MERGE)
    await kube.close()
    assert "apply" in await world.settle()
    assert (await world.get("HTTPRoute", "d"))["spec"]["hostnames"] == ["flights.example.com"]
    await world.apply(deployment(world, route={**ROUTE, "hostname": "other.example.com"}))
    live = await look(world)
    assert (await world.get("HTTPRoute", "d"))["spec"]["hostnames"] == ["other.example.com"]
    assert condition(live, "Routed")["reason"] == "RoutePending"
    assert live["status"]["url"] == f"http://d.{world.namespace}.svc"


async def test_the_route_goes_with_the_field_and_a_foreign_one_of_that_name_is_left_alone(
    world: World, gateways: ApiServer
) -> None:
    approve(world)
    await serve(world, deployment(world, route=ROUTE))
    assert [r["metadata"]["name"] for r in await world.items("HTTPRoute")] == ["d"]
    await world.apply(deployment(world))
    live = await look(world)
    assert await world.items("HTTPRoute") == []
    assert condition(live, "Routed") == {}
    theirs = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "spec": {"hostnames": ["a.b"]}}
    await world.apply({**theirs, "metadata": {"name": "d", "namespace": world.namespace}})
    await world.apply(deployment(world, route=ROUTE))
    live = await look(world)
    assert (condition(live, "Routed")["status"], condition(live, "Routed")["reason"]) == ("False", "NotOwned")
    assert condition(live, "Ready")["status"] == "True"
    assert await world.settle() == []
    await world.apply(deployment(world))
    assert condition(await look(world), "Routed") == {}
    assert (await world.get("HTTPRoute", "d"))["spec"]["hostnames"] == ["a.b"]


async def test_a_refusal_of_the_gateway_and_a_gateway_that_is_not_there_are_told_in_its_words(
    world: World, gateways: ApiServer
) -> None:
    approve(world)
    live = await serve(world, deployment(world, route={"gateway": "nowhere"}))
    assert condition(live, "Routed")["reason"] == "GatewayNotFound"
    assert f"{world.namespace}/nowhere" in condition(live, "Routed")["message"]
    make_gateway(gateways, "infra", {"port": 80, "protocol": "HTTP"})
    await world.apply(deployment(world, route=ROUTE))
    await look(world)
    words = {"status": "False", "reason": "NotAllowedByListeners", "message": "namespace demo may not"}
    await answer(world, {**ACCEPTED, **words})
    live = await look(world)
    assert (condition(live, "Routed")["status"], condition(live, "Routed")["reason"]) == ("False", "RouteRefused")
    assert "NotAllowedByListeners: namespace demo may not" in condition(live, "Routed")["message"]
    assert live["status"]["url"] == f"http://d.{world.namespace}.svc"


async def test_without_the_gateway_api_the_model_serves_and_the_route_follows_once_it_is_installed(
    world: World, served: ApiServer
) -> None:
    approve(world)
    live = await serve(world, deployment(world, route=ROUTE))
    assert condition(live, "Ready")["status"] == "True"
    assert (condition(live, "Routed")["status"], condition(live, "Routed")["reason"]) == ("False", "GatewayAPIMissing")
    assert await world.settle() == []
    with gateway_api.installed(served.kubectl):
        live = await look(world)
        assert condition(live, "Routed")["reason"] == "GatewayNotFound"
        assert len(await world.items("HTTPRoute")) == 1
    world.clock.by += timedelta(minutes=10)
    assert condition(await look(world), "Routed")["reason"] == "GatewayAPIMissing"
    await world.apply(deployment(world))
    assert condition(await look(world), "Routed") == {}
    assert await world.settle() == []
