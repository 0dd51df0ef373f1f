"""A cluster with the controllers of Kubernetes and of JobSet, our kinds, and a bucket with rows."""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.reconcile.conftest import CRDS, rows
from tests.integration.workload.place import Place
from tests.support import controllers
from tests.support.apiserver import ApiServer
from tests.support.s3 import S3


@pytest.fixture(scope="session")
def controlled(apiserver_with_controllers: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """The API server with our kinds and JobSets, and who looks after these."""
    server = apiserver_with_controllers
    server.kubectl("apply", "--server-side", "-f", str(CRDS))
    server.kubectl("wait", "--for=condition=Established", "-f", str(CRDS), "--timeout=60s")
    folder = tmp_path_factory.mktemp("controllers")
    controllers.install(server.kubectl, "JobSet")
    with controllers.jobset_controller(server, folder):
        yield server


@pytest.fixture
def place(controlled: ApiServer, s3: S3, tmp_path: Path) -> Iterator[Place]:
    """A namespace that may train, with rows to learn from."""
    name = f"test-{secrets.token_hex(4)}"
    controlled.kubectl("create", "namespace", name)
    controlled.kubectl("create", "serviceaccount", "perennial-trainer", "-n", name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "KUBECONFIG", str(controlled.kubeconfig))
        made = Place(name, s3.bucket(), s3.env(), tmp_path, lambda _env, _log: 1)
        made.put("rows.csv", rows())
        yield made
