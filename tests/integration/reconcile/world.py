"""The reconcilers against a real API server and a real S3 server, one look at a time.

What a kubelet would do is done by `kubelet.py` between the looks. So a test sees every state, and may end the
operator's process before or after any write (`mortal.py`).
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

from perennial.kube.access import load_access
from perennial.kube.client import Kube
from perennial.kube.resources import CHILDREN, OWN_KINDS, Ref
from perennial.observe.cache import Cache
from perennial.reconcile.config import OperatorConfig
from perennial.reconcile.context import Clock, Context, Key
from perennial.reconcile.registry import RECONCILERS
from perennial.reconcile.storage import StoragePool
from perennial.store import ObjectStore, open_store
from perennial.store.registry import Registry
from tests.integration.reconcile.kubelet import carry_out_jobs
from tests.integration.reconcile.mortal import MortalKube

API = "perennial.dev/v1alpha1"


class Shifted(Clock):
    """The wall clock, moved."""

    def __init__(self) -> None:
        self.by = timedelta(0)

    def now(self) -> datetime:
        """Now, plus what the test moved it by."""
        return datetime.now(UTC) + self.by


@dataclass
class World:
    """One namespace, one bucket, and an operator that looks when told to."""

    namespace: str
    bucket: str
    env: Mapping[str, str]
    folder: Path
    pod: Callable[[dict[str, str], Path], int]
    clock: Shifted = field(default_factory=Shifted)
    jobs_run: list[str] = field(default_factory=list)
    hold: bool = False  # Jobs are not carried out
    kinds: tuple[str, ...] = OWN_KINDS  # that the operator looks at
    prometheus: tuple[str, ...] = ()  # servers that rollouts may query
    trainer_image: str = "trainer:1"

    def __post_init__(self) -> None:
        self.access = load_access()
        self.uri = f"s3://{self.bucket}/registry"
        self.data = f"s3://{self.bucket}/datasets/{self.namespace}/rows/"

    @property
    def store(self) -> ObjectStore:
        """The bucket."""
        return open_store(f"s3://{self.bucket}", self.env)

    def registry(self, model: str = "m") -> Registry:
        """A model's registry."""
        return Registry(open_store(self.uri, self.env), self.namespace, model)

    def put(self, name: str, body: bytes) -> None:
        """Data of this namespace."""
        self.store.put(f"datasets/{self.namespace}/rows/{name}", body)

    def config(self) -> OperatorConfig:
        """The operator's settings."""
        return OperatorConfig(
            registry=self.uri,
            trainer_image=self.trainer_image,
            server_image="server:1",
            namespace="default",
            identity="test",
            allowed_data_prefixes=(f"s3://{self.bucket}/datasets/{{namespace}}/",),
            prometheus_addresses=self.prometheus,
        )

    async def apply(self, body: Mapping[str, Any]) -> None:
        """What a user applies."""
        kube = Kube(self.access)
        path = Ref.to(body).path()
        await kube.raw(
            "PATCH", f"{path}?fieldManager=user&force=true", body=body, content_type="application/apply-patch+yaml"
        )
        await kube.close()

    async def get(self, kind: str, name: str) -> dict[str, Any]:
        """The live object."""
        kube = Kube(self.access)
        try:
            return await kube.get(Ref(kind, self.namespace, name))
        finally:
            await kube.close()

    async def items(self, kind: str) -> list[dict[str, Any]]:
        """All live objects of a kind."""
        kube = Kube(self.access)
        try:
            return await kube.list(kind, self.namespace)
        finally:
            await kube.close()

    async def delete(self, kind: str, name: str) -> None:
        """Delete an object and, as no controller runs here, its children."""
        kube = Kube(self.access)
        live = await kube.get(Ref(kind, self.namespace, name))
        await kube.delete(Ref(kind, self.namespace, name), live["metadata"]["uid"])
        for child in CHILDREN:
            for body in await kube.list(child.kind, self.namespace):
                owners = {o["uid"] for o in body["metadata"].get("ownerReferences", ())}
                if live["metadata"]["uid"] in owners:
                    ref = Ref(child.kind, self.namespace, body["metadata"]["name"])
                    await kube.delete(ref, body["metadata"]["uid"])
        await kube.close()

    async def settle(self, *, rounds: int = 30, dies_at: int = 0, after: bool = False) -> list[str]:
        """Look at every object, carry out Jobs, until a whole round writes nothing. Returns the writes made.

        Raises:
            Died: the process ended at that write.
        """
        kube = MortalKube(self.access, dies_at=dies_at, after=after)
        pool = StoragePool(4)
        try:
            with mock.patch.dict(os.environ, self.env):
                for _ in range(rounds):
                    before = len(kube.writes)
                    await self._round(kube, pool)
                    moved = await self._carry_out_jobs()
                    if len(kube.writes) == before and not moved:
                        return kube.writes
        finally:
            await kube.close()
            pool.close()
        raise AssertionError(f"still writing after {rounds} rounds: {kube.writes[-12:]}")

    async def looks(self, rounds: int) -> None:
        """Look at every object and carry out what a kubelet would, so many times."""
        kube, pool = Kube(self.access), StoragePool(4)
        with mock.patch.dict(os.environ, self.env):
            for _ in range(rounds):
                await self._round(kube, pool)
                await self._carry_out_jobs()
        await kube.close()
        pool.close()

    async def _carry_out_jobs(self) -> bool:
        kube = Kube(self.access)  # the kubelet's own: its writes are none of the operator's
        try:
            return await carry_out_jobs(kube, self)
        finally:
            await kube.close()

    async def remove(self, job: Mapping[str, Any]) -> None:
        """Delete a Job and its pods, as the TTL controller would."""
        kube = Kube(self.access)
        for pod in await kube.list("Pod", self.namespace):
            if pod["metadata"]["ownerReferences"][0]["uid"] == job["metadata"]["uid"]:
                await kube.delete(Ref("Pod", self.namespace, pod["metadata"]["name"]), pod["metadata"]["uid"])
        await kube.delete(Ref("Job", self.namespace, job["metadata"]["name"]), job["metadata"]["uid"])
        await kube.close()

    async def _round(self, kube: Kube, pool: StoragePool) -> None:
        cache = Cache()
        kube.on_write = cache.upsert
        for kind in (*OWN_KINDS, *(c.kind for c in CHILDREN)):
            for body in await kube.list(kind, self.namespace):
                cache.upsert(body)
        context = Context(cache, kube, pool, self.clock, self.config(), lambda *_: None)
        for kind in self.kinds:
            for _, namespace, name in cache.names(kind, self.namespace):
                await RECONCILERS[kind](Key(kind, namespace, name), context)


def training(name: str = "m", uri: str = "", **spec: Any) -> dict[str, Any]:
    """A small ModelTraining on `y`."""
    base: dict[str, Any] = {
        "data": {"train": {"uri": uri}, "target": "y"},
        "algorithm": {"estimator": "sklearn.linear_model.LogisticRegression"},
    }
    return {"apiVersion": API, "kind": "ModelTraining", "metadata": {"name": name}, "spec": {**base, **spec}}


def policy(name: str = "p", of: str = "m", **spec: Any) -> dict[str, Any]:
    """A RetrainPolicy without a cooldown; as in `training`, the namespace is the test's."""
    base: dict[str, Any] = {"trainingRef": {"name": of}, "brakes": {"cooldown": "0s"}}
    return {"apiVersion": API, "kind": "RetrainPolicy", "metadata": {"name": name}, "spec": {**base, **spec}}
