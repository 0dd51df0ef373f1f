"""Which of several operator processes acts: the holder of a Lease, renewed by a thread of its own.

The thread keeps renewing while the event loop is busy, and ends the process when it could not renew in time:
a process that was paused for longer than the Lease must not write again. What the processes do is not its business.
"""

import asyncio
import http.client
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from perennial.kube.access import Access
from perennial.kube.errors import ApiError, Conflict, NotFound, Timeout, error_of
from perennial.kube.resources import Ref, resource_of

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LeaseTimes:
    """Seconds, as client-go has them by default."""

    duration: float = 15.0  # without renewal for so long, another process may take the Lease
    deadline: float = 10.0  # without a successful renewal for so long, the holder ends itself
    retry: float = 2.0


@dataclass(frozen=True, slots=True)
class Sighting:
    """A Lease as it was first seen in this state, by our own monotonic clock: other clocks are not trusted."""

    holder: str
    renewed: str  # the holder's own time stamp, only compared for equality
    at: float


def see(lease: Mapping[str, Any], before: Sighting | None, now: float) -> Sighting:
    """What a Lease shows; unchanged since `before`, it is as old as that. Pure."""
    spec = lease.get("spec") or {}
    holder, renewed = str(spec.get("holderIdentity") or ""), str(spec.get("renewTime") or "")
    if before is not None and (before.holder, before.renewed) == (holder, renewed):
        return before
    return Sighting(holder, renewed, now)


def may_take(sighting: Sighting, identity: str, now: float, duration: float) -> bool:
    """Whether the Lease is free, ours already, or was not renewed for its whole duration. Pure."""
    return sighting.holder in ("", identity) or now - sighting.at > duration


def end_process(code: int = 1) -> None:
    """End at once, without clean-up: whatever is under way must not reach the API server any more."""
    logging.shutdown()
    os._exit(code)


class Lease:
    """One process's claim to be the one that acts."""

    def __init__(
        self,
        access: Access,
        namespace: str,
        identity: str,
        *,
        name: str = "perennial-operator",
        times: LeaseTimes | None = None,
        lost: Callable[[], None] = end_process,
    ):
        """
        Args:
            access: server and credentials.
            namespace: where the Lease lies.
            identity: unique among live processes: the pod's name.
            name: of the Lease.
            times: of renewal.
            lost: called once when the Lease is no longer ours, from the renewing thread or from `check`.
        """
        self._access = access
        self._ref = Ref("Lease", namespace, name)
        self._identity = identity
        self._times = times or LeaseTimes()
        self._lost = lost
        self._held_at: float | None = None  # monotonic; the begin of the last successful renewal
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)

    async def acquire(self) -> None:
        """Wait until the Lease is ours, then keep it from a thread."""
        sighting: Sighting | None = None
        while True:
            try:
                sighting = await asyncio.to_thread(self._try, sighting)
            except ApiError as error:
                log.warning("Lease %s not reachable, trying again: %s", self._ref, error)
            if self._held_at is not None:
                break
            await asyncio.sleep(self._times.retry)
        log.info("Lease %s is held by %s", self._ref, self._identity)
        self._thread.start()

    def check(self) -> None:
        """Called before every write: a Lease that was not renewed in time ends the process there."""
        if self._held_at is not None and time.monotonic() - self._held_at > self._times.deadline:
            self._fail("it was not renewed for %.0f s" % (time.monotonic() - self._held_at))

    def release(self) -> None:
        """Give the Lease back, so that a standby need not wait. Blocking; for a thread."""
        self._stop.set()
        if self._held_at is None:
            return
        self._thread.join(self._times.retry + self._times.deadline)
        self._held_at = None
        try:
            lease = self._send("GET", self._ref.path())
            if lease["spec"].get("holderIdentity") == self._identity:
                lease["spec"]["holderIdentity"] = ""
                self._send("PUT", self._ref.path(), lease)
        except ApiError as error:
            log.warning("Lease %s not given back, it will lapse: %s", self._ref, error)

    def _keep(self) -> None:
        while not self._stop.wait(self._times.retry):
            begun = time.monotonic()
            try:
                self._renew(begun)
            except ApiError as error:
                log.warning("Lease %s not renewed: %s", self._ref, error)
            self.check()

    def _renew(self, begun: float) -> None:
        lease = self._send("GET", self._ref.path())
        holder = lease["spec"].get("holderIdentity")
        if holder != self._identity:
            self._fail(f"{holder or 'nobody'} holds it")
            return
        self._send("PUT", self._ref.path(), self._claim(lease))
        self._held_at = begun

    def _try(self, before: Sighting | None) -> Sighting | None:
        begun = time.monotonic()
        try:
            lease = self._send("GET", self._ref.path())
        except NotFound:
            empty = {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": {"name": self._ref.name, "namespace": self._ref.namespace},
            }
            self._send("POST", resource_of("Lease").path(self._ref.namespace), self._claim(empty))
            self._held_at = begun
            return None
        sighting = see(lease, before, begun)
        if may_take(sighting, self._identity, begun, self._times.duration):
            try:
                self._send("PUT", self._ref.path(), self._claim(lease))
                self._held_at = begun
            except Conflict:
                log.info("Lease %s was taken by somebody else at the same time", self._ref)
        return sighting

    def _claim(self, lease: Mapping[str, Any]) -> dict[str, Any]:
        spec = dict(lease.get("spec") or {})
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        if spec.get("holderIdentity") != self._identity:
            spec["leaseTransitions"] = int(spec.get("leaseTransitions") or 0) + 1
            spec["acquireTime"] = now
        spec |= {
            "holderIdentity": self._identity,
            "renewTime": now,
            "leaseDurationSeconds": max(1, round(self._times.duration)),
        }
        return {**lease, "spec": spec}

    def _fail(self, why: str) -> None:
        log.critical("Lease %s is lost: %s; this process ends", self._ref, why)
        self._lost()

    def _send(self, verb: str, path: str, body: Any = None) -> dict[str, Any]:
        # Not the loop's client: this thread must go on while the loop cannot.
        server = urlsplit(self._access.server)
        host, port, seconds = server.hostname or "", server.port, self._times.deadline / 2
        connection = (
            http.client.HTTPConnection(host, port, timeout=seconds)
            if self._access.tls is None
            else http.client.HTTPSConnection(host, port, timeout=seconds, context=self._access.tls)
        )
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        header = self._access.header()
        headers |= {"Authorization": header} if header else {}
        try:
            connection.request(verb, server.path + path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise Timeout(f"{verb} {path}: no answer: {error}") from error
        finally:
            connection.close()
        if answer.status == 401:
            self._access.forget()
        parsed = json.loads(content) if content.startswith(b"{") else {}
        if answer.status >= 400:
            raise error_of(answer.status, parsed, f"{verb} {path}")
        return dict(parsed)
