"""Which of a pod's containers tells how the pod stands. Most pods have one; a pod of own code has four, in a row."""

from collections.abc import Mapping
from typing import Any

from perennial.api.records.contract import AGENT, USER

NOT_YET = "PodInitializing"

Status = Mapping[str, Any]


def telling(status: Status) -> Status:
    """The status of the container that explains the pod: the first that failed, else the one that is on its way.

    Args:
        status: of a core/v1 Pod. The container beside the others (the agent) explains nothing by its end.
    """
    in_a_row = [*_listed(status, "initContainerStatuses"), *_listed(status, "containerStatuses")]
    failed = (c for c in in_a_row if (_state(c, "terminated").get("exitCode") or 0) != 0)
    waiting = (c for c in in_a_row if _state(c, "waiting") and _state(c, "waiting").get("reason") != NOT_YET)
    running = (c for c in in_a_row if _state(c, "running"))
    last = in_a_row[-1:]
    return next((c for found in (failed, waiting, running, last) for c in found), {})


def image_of(status: Status) -> str:
    """What the code of the pod was run from, as the node names it; empty while no node has said it."""
    for container in (*_listed(status, "initContainerStatuses"), *_listed(status, "containerStatuses")):
        if container.get("name") == USER or not status.get("initContainerStatuses"):
            return str(container.get("imageID") or "")
    return ""


def _listed(status: Status, name: str) -> list[Status]:
    return [c for c in status.get(name) or () if c.get("name") != AGENT]


def _state(container: Status, name: str) -> Status:
    found: Status = (container.get("state") or {}).get(name) or {}
    return found
