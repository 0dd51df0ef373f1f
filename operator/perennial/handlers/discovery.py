"""Kinds that are installed after the operator has started.

kopf reads the API server's discovery once, at the event of the CRD; the API server publishes a new kind there a moment
later. Whoever loses that race is never watched (seen in one of six starts). So it is asked again until both agree.
"""

import asyncio
import logging

import aiohttp
import kopf
from kopf._cogs.clients.errors import APIError
from kopf._cogs.structs.references import Insights
from kopf._core.reactor.observation import process_discovered_resource_event

from perennial.kube.client import Kube
from perennial.kube.errors import ApiError
from perennial.kube.resources import OWN, Resource

log = logging.getLogger(__name__)

LOOK_SECONDS = 5.0


async def discover(
    kube: Kube, insights: Insights, registry: kopf.OperatorRegistry, settings: kopf.OperatorSettings, where: str | None
) -> None:
    """Let kopf look again for our kinds that the API server serves and kopf has not found; for ever.

    Args:
        kube: the API server.
        insights: what kopf has found.
        registry: kopf's, to match the kinds with.
        settings: kopf's.
        where: a watched namespace, or None for all.
    """
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        for resource in OWN:
            if not _is_found(resource, insights) and await _is_served(resource, kube, where):
                log.info("the API server serves %s now", resource.kind)
                group = resource.api_version.partition("/")[0]
                event = {"type": "MODIFIED", "object": {"spec": {"group": group}}}  # all that kopf reads of it
                try:
                    await process_discovered_resource_event(
                        raw_event=event, settings=settings, registry=registry, insights=insights
                    )
                except (APIError, aiohttp.ClientError, TimeoutError) as error:
                    log.warning("%s could not be discovered, trying again: %s", resource.kind, error)


def _is_found(resource: Resource, insights: Insights) -> bool:
    return any(f"{w.group}/{w.version}" == resource.api_version and w.plural == resource.plural
               for w in insights.watched_resources)  # fmt: skip


async def _is_served(resource: Resource, kube: Kube, where: str | None) -> bool:
    try:
        async for _ in kube.pages(resource.kind, where, metadata_only=True):
            return True
    except ApiError:
        return False  # not yet, or the API server is away: asked again
    return False
