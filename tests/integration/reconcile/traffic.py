"""What servers would have left in storage: window files and score logs of a deployment that only its status serves."""

import io
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from perennial.api.records.profile import Profile
from perennial.kube.client import Kube
from perennial.kube.resources import Ref
from perennial.runtime.monitoring import Counters
from perennial.store import open_store
from perennial.store.layout import WindowKeys
from perennial.store.windows import Windows
from tests.integration.reconcile.world import API, World

MINUTES = 60
HOUR = timedelta(hours=1)


def hours_ago(hours: int) -> datetime:
    """The start of an hour that is over."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours)


@dataclass(frozen=True)
class Served:
    """A model that is served, and what is kept of its requests."""

    world: World
    keys: WindowKeys
    profile: Profile

    def requests(self, start: datetime, *, shift: float = 0.0, missing: float = 0.0, a_minute: int = 16) -> None:
        """An hour of requests to columns a and b, a moved by `shift` and missing in a share of them."""
        random = np.random.default_rng(abs(hash((start.hour, shift))))
        counters = Counters(self.profile, artifact=self.keys.artifact_digest, slot_seconds=3600)
        for minute in range(MINUTES):
            columns = {"a": random.normal(shift, 1, a_minute), "b": random.normal(0, 1, a_minute)}
            columns["a"][: round(missing * a_minute)] = np.nan
            counters.observe(columns, {}, start.timestamp() + minute * 60 + 1)
        (slot,) = counters.slots
        body = counters.to_window(slot, complete=True).to_json()
        Windows(open_store(self.world.uri, self.world.env), self.keys).put(start, "pod", "boot", body)

    def scores(self, start: datetime, scores: list[float]) -> list[str]:
        """A score log of two predictions a minute from `start` on; the ids."""
        ids = [f"{start:%Y%m%d%H}-{i}" for i in range(len(scores))]
        times = pa.array([start + timedelta(seconds=30 * i) for i in range(len(scores))], pa.timestamp("us", tz="UTC"))
        out = io.BytesIO()
        pq.write_table(pa.table({"id": ids, "time": times, "score": scores}), out)
        open_store(self.world.uri, self.world.env).put(self.keys.scores(start, "pod", 1), out.getvalue())
        return ids


async def serve(world: World, name: str = "d", **monitoring: Any) -> Served:
    """A ModelDeployment whose status says that version 1 of model m serves; nobody looks after it."""
    world.kinds = ("ModelTraining", "RetrainPolicy")
    version = world.registry().versions.read(1)
    assert version is not None
    run = world.registry().runs.read(version.run_digest)
    assert run is not None
    spec = {"model": {"name": "m"}, **({"monitoring": monitoring} if monitoring else {})}
    await world.apply(
        {
            "apiVersion": API,
            "kind": "ModelDeployment",
            "metadata": {"name": name, "namespace": world.namespace},
            "spec": spec,
        }
    )
    kube = Kube(world.access)
    live = await kube.get(Ref("ModelDeployment", world.namespace, name))
    stable = {"version": 1, "artifact": run.artifact.digest, "runDigest": run.run_digest, "revision": "r1"}
    await kube.patch_status(Ref("ModelDeployment", world.namespace, name), live["metadata"]["uid"], {"stable": stable})
    await kube.close()
    profile = Profile.from_json(world.registry().runs.content(run.files["profile.json"]))
    keys = WindowKeys(world.namespace, live["metadata"]["uid"], run.artifact.digest)
    return Served(world, keys, profile)
