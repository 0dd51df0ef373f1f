"""Events of events.k8s.io/v1, told once: the name is a hash of what is said, so a repetition only counts up."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from perennial.api.identities import bare, digest_of
from perennial.kube.client import Kube
from perennial.kube.errors import AlreadyExists, NamespaceTerminating, NotFound
from perennial.kube.resources import Ref
from perennial.kube.transport import MERGE

CONTROLLER = "perennial.dev/operator"
LONGEST_NOTE = 1024  # bytes, a rule of events.k8s.io/v1
QUIET_SECONDS = 60.0
"""The same words about the same object are not sent again within this time."""

_told: dict[str, float] = {}


async def record(
    kube: Kube,
    regarding: Mapping[str, Any],
    type: str,
    reason: str,
    action: str,
    message: str,
    *,
    at: datetime | None = None,
) -> None:
    """Tell an event about an object; the same words again raise the count of the event that exists.

    Args:
        kube: the API server.
        regarding: the object it is about.
        type: `Normal` or `Warning`.
        reason: CamelCase, why.
        action: CamelCase verb, what was done.
        message: for people; cut at 1,024 bytes.
        at: when, by default now.

    Raises:
        ApiError: the API server refused it or did not answer.
    """
    event = event_of(regarding, type, reason, action, message, at=at or datetime.now(UTC))
    ref = Ref("Event", event["metadata"]["namespace"], event["metadata"]["name"])
    if not _is_news(ref.name):
        return
    try:
        await kube.raw("POST", f"/apis/events.k8s.io/v1/namespaces/{ref.namespace}/events", body=event)
    except AlreadyExists:
        await _count_up(kube, ref, event["eventTime"])
    except NamespaceTerminating:
        return


def event_of(
    regarding: Mapping[str, Any], type: str, reason: str, action: str, message: str, *, at: datetime
) -> dict[str, Any]:
    """The Event object; the same words about the same object always get the same name. Pure."""
    meta = regarding["metadata"]
    words = bare(digest_of([meta["uid"], type, reason, action, message]))[:16]
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": f"{meta['name']}.{words}", "namespace": meta["namespace"]},
        "eventTime": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "reportingController": CONTROLLER,
        "reportingInstance": CONTROLLER,
        "action": action,
        "reason": reason,
        "type": type,
        "note": message.encode()[:LONGEST_NOTE].decode(errors="ignore"),
        "regarding": {
            "apiVersion": regarding["apiVersion"],
            "kind": regarding["kind"],
            "namespace": meta["namespace"],
            "name": meta["name"],
            "uid": meta["uid"],
            "resourceVersion": meta.get("resourceVersion", ""),
        },
    }


async def _count_up(kube: Kube, ref: Ref, now: str) -> None:
    try:
        live = await kube.get(ref)
    except NotFound:  # it expired between the two requests; the next transition is told afresh
        return
    count = int((live.get("series") or {}).get("count", 1)) + 1
    series = {"series": {"count": count, "lastObservedTime": now}}
    await kube.raw("PATCH", ref.path(), body=series, content_type=MERGE)


def _is_news(name: str) -> bool:
    now = time.monotonic()
    for old in [n for n, at in _told.items() if now - at > QUIET_SECONDS]:
        del _told[old]
    if name in _told:
        return False
    _told[name] = now
    return True
