"""From a watch event to the cache and the queue. No event type is looked at, but "it is gone"."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from perennial.kube.resources import CHILDREN, OWN, OWN_KINDS
from perennial.observe.cache import Cache
from perennial.reconcile.context import Key, Related

Body = Mapping[str, Any]

WATCHED = frozenset(resource.kind for resource in (*OWN, *CHILDREN))
"""Of any other kind the cache would never learn that an object is gone."""

OWNER_KIND = "perennial.dev/kind"
OWNER_NAME = "app.kubernetes.io/instance"
"""Labels on every child: kind and name of the object it was made for."""


class Intake:
    """Takes objects in as they are seen, and asks for a look at the keys they concern."""

    def __init__(self, cache: Cache, enqueue: Callable[[Key, float], None], related: Mapping[str, Related]):
        self._cache = cache
        self._enqueue = enqueue
        self._related = related

    async def on_event(self, event: Mapping[str, Any], **_: Any) -> None:
        """The kopf handler of every kind."""
        body = event["object"]
        if event["type"] == "DELETED":
            self.gone(body)
        elif not self._cache.is_known(body):
            self.seen(body)

    def seen(self, body: Body) -> None:
        """An object as it is now."""
        if self._cache.upsert(body):
            self.ask(body)

    def wrote(self, body: Body) -> None:
        """An object as one of our own writes left it. The watch will bring nothing new of it, so whoever reads it is
        asked now; its own key only if it has just been made, for who wrote it has just looked at it."""
        if body["kind"] not in WATCHED:
            return
        meta = body["metadata"]
        made = self._cache.uid(body["kind"], meta.get("namespace", ""), meta["name"]) != meta["uid"]
        if not self._cache.upsert(body) or body["kind"] not in OWN_KINDS:
            return
        own = Key(body["kind"], meta["namespace"], meta["name"])
        for key in self.keys(body):
            if made or key != own:
                self._enqueue(key, 0.0)

    def gone(self, body: Body) -> None:
        """An object as it was when it went."""
        meta = body["metadata"]
        if self._cache.remove(body["kind"], meta.get("namespace", ""), meta["name"], meta["uid"]):
            self.ask(body)

    def ask(self, body: Body) -> None:
        """Ask for a look at every key that an object concerns."""
        for key in self.keys(body):
            self._enqueue(key, 0.0)

    def keys(self, body: Body) -> Iterator[Key]:
        """Its own key, that of the object it was made for, and those that read it."""
        kind, meta = body["kind"], body["metadata"]
        if kind in OWN_KINDS:
            yield Key(kind, meta["namespace"], meta["name"])
        labels = meta.get("labels") or {}
        if labels.get(OWNER_KIND) in OWN_KINDS and labels.get(OWNER_NAME):
            yield Key(labels[OWNER_KIND], meta["namespace"], labels[OWNER_NAME])
        if kind in self._related:
            yield from self._related[kind](body, self._cache)
