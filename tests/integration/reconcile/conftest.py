"""A world for the reconcilers: an API server with our CRDs, a bucket, and pods that start warm."""

import os
import random
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.reconcile.servers import Servers
from tests.integration.reconcile.world import World
from tests.integration.training.conftest import warm
from tests.support.apiserver import ApiServer
from tests.support.s3 import S3

__all__ = ["warm"]

CRDS = Path(__file__).resolve().parents[3] / "crds"


@pytest.fixture(scope="session")
def served(apiserver: ApiServer) -> Iterator[ApiServer]:
    """The API server with our kinds."""
    apiserver.kubectl("apply", "--server-side", "-f", str(CRDS))
    apiserver.kubectl("wait", "--for=condition=Established", "-f", str(CRDS), "--timeout=60s")
    before = os.environ.get("KUBECONFIG")
    os.environ["KUBECONFIG"] = str(apiserver.kubeconfig)
    yield apiserver
    os.environ.pop("KUBECONFIG")
    if before is not None:
        os.environ["KUBECONFIG"] = before


@pytest.fixture
def world(
    served: ApiServer, namespace: str, s3: S3, tmp_path: Path, warm: Callable[[dict[str, str], Path], int]
) -> World:
    """An empty namespace that may train, an empty bucket."""
    served.kubectl("create", "serviceaccount", "perennial-trainer", "-n", namespace)
    made = World(namespace, s3.bucket(), s3.env(), tmp_path, warm)
    made.put("rows.csv", rows())
    return made


@pytest.fixture
async def servers(world: World) -> AsyncIterator[Servers]:
    """Pods of this world."""
    made = Servers(world)
    yield made
    made.stop()


def rows(count: int = 400, seed: int = 1) -> bytes:
    """A CSV that a logistic regression can learn: y follows a, b is noise."""
    source = random.Random(seed)
    lines = ["a,b,y"]
    for _ in range(count):
        a, b = source.gauss(0, 1), source.gauss(0, 1)
        lines.append(f"{a:.4f},{b:.4f},{int(a + source.gauss(0, 0.7) > 0)}")
    return ("\n".join(lines) + "\n").encode()
