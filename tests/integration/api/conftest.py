"""The CRDs of this checkout on a real API server."""

from pathlib import Path

import pytest

from tests.support.apiserver import ApiServer

CRDS = Path(__file__).parents[3] / "crds"


@pytest.fixture(scope="session")
def with_crds(apiserver: ApiServer) -> ApiServer:
    """The API server with our three kinds established."""
    apiserver.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CRDS))
    apiserver.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", str(CRDS))
    return apiserver
