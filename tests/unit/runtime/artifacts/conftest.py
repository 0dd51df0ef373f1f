"""One thread a fit: on the tiny tables of these tests, threads cost more than they give."""

from collections.abc import Iterator

import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """BLAS and OpenMP limited to one thread."""
    with threadpool_limits(1):
        yield
