"""kopf, reduced to what it is good at: watches and their reconnection. Its state machine is switched off.

kopf 1.45.2 reads `settings` at run time; each value below has the reason it differs from the default.
"""

import random
from collections.abc import Iterator
from typing import Any

import kopf

from perennial.handlers.intake import Intake
from perennial.kube.access import Access
from perennial.kube.resources import CHILDREN, OWN
from perennial.reconcile.relist import selector

LONGEST_BACKOFF = 10.0
"""Seconds between requests in a long outage: recovery is then noticed well within a minute."""


class Backoffs:
    """Waits for ever anew: a finite list would end a watcher for good in a long outage."""

    def __iter__(self) -> Iterator[float]:
        wait = 0.5
        while True:
            yield wait * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
            wait = min(LONGEST_BACKOFF, wait * 2)


class NoDiffBase(kopf.DiffBaseStorage):  # type: ignore[misc]
    """kopf would copy every object at every event to compare it with a last-handled state that we do not keep."""

    def build(self, **_: Any) -> dict[str, Any]:
        """Nothing to compare."""
        return {}

    def fetch(self, **_: Any) -> None:
        """Nothing was kept."""

    def store(self, **_: Any) -> None:
        """Nothing is kept: no annotation on a user's object."""


class NoProgress(kopf.ProgressStorage):  # type: ignore[misc]
    """kopf would look for the progress of its handlers in every object."""

    def fetch(self, **_: Any) -> None:
        """Nothing was kept."""

    def store(self, **_: Any) -> None:
        """Nothing is kept."""

    def purge(self, **_: Any) -> None:
        """Nothing is there."""

    def touch(self, **_: Any) -> None:
        """Nothing is touched."""

    def clear(self, *, essence: Any) -> Any:
        """Nothing to clear."""
        return essence


def settings() -> kopf.OperatorSettings:
    """kopf's settings for this operator."""
    s = kopf.OperatorSettings()
    s.posting.enabled = False  # events are told with the status, not from log lines
    s.networking.request_timeout = 30.0  # 300 s would hold a watcher in a dead connection
    s.networking.connect_timeout = 5.0
    s.networking.error_backoffs = Backoffs()
    s.watching.chunk_size = 200  # kopf takes 0.3 ms for each in one go: 500 would block the loop for over 100 ms
    s.queueing.idle_timeout = 0.2  # a task per object ends soon after its event; our handler takes microseconds
    s.queueing.worker_limit = None  # a limit starves objects behind others
    s.process.ultimate_exiting_timeout = None  # we end the process ourselves: kopf would kill it without a word
    s.persistence.diffbase_storage = NoDiffBase()
    s.persistence.progress_storage = NoProgress()
    for resource in CHILDREN:  # the server filters: else every Pod of a large cluster is parsed here
        s.watching.label_selectors[resource.group, resource.api_version.rpartition("/")[2], resource.plural] = selector(
            resource
        )
    return s


def registry(intake: Intake, access: Access) -> kopf.OperatorRegistry:
    """Every kind's events to the intake, and our credentials to kopf."""
    r = kopf.OperatorRegistry()

    async def login(**_: Any) -> kopf.AiohttpSession:
        return kopf.AiohttpSession(server=access.server, aiohttp_session=access.session())

    kopf.on.login(registry=r)(login)
    for resource in (*OWN, *CHILDREN):
        version = resource.api_version.rpartition("/")[2]
        kopf.on.event(resource.group, version, resource.plural, registry=r)(intake.on_event)
    return r


def watcher_names(namespaces: tuple[str | None, ...]) -> dict[str, str]:
    """Names of kopf's watcher tasks, with the kind each of them watches."""
    names = {}
    for resource in (*OWN, *CHILDREN):
        parts = (resource.plural, resource.api_version.rpartition("/")[2], resource.group)
        plural = ".".join(p for p in parts if p)
        for namespace in namespaces:
            names[f"watcher for {plural}@{namespace}"] = f"{resource.kind} in {namespace or 'all namespaces'}"
    return names
