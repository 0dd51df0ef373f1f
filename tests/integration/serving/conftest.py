"""Servers that several tests share; each has its own artifact and process."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from perennial.api.records.server import ServerConfig, ServerMonitoring, ServerSettings
from perennial.runtime.artifacts import FeatureChoice
from tests.integration.serving.artifacts import mixed_table, numeric_table, publish
from tests.integration.serving.server import ServerProcess


@pytest.fixture(scope="session")
def numeric_config(tmp_path_factory: pytest.TempPathFactory) -> ServerConfig:
    """Four numeric columns, logistic regression."""
    return publish(tmp_path_factory.mktemp("numeric-registry"), numeric_table())


@pytest.fixture(scope="session")
def mixed_config(tmp_path_factory: pytest.TempPathFactory) -> ServerConfig:
    """Text, numbers with gaps, booleans, times and an id column; gradient boosting."""
    return publish(
        tmp_path_factory.mktemp("mixed-registry"),
        mixed_table(),
        target="late",
        estimator="sklearn.ensemble.HistGradientBoostingClassifier",
        features=FeatureChoice(id_column="id"),
        settings=ServerSettings(max_request_rows=1000, max_request_bytes=200_000, timeout_seconds=5.0),
        monitoring=ServerMonitoring(flush_seconds=0.5),
    )


@pytest.fixture(scope="session")
def numeric(numeric_config: ServerConfig, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server of four numeric columns, with gRPC."""
    server = ServerProcess(numeric_config, tmp_path_factory.mktemp("numeric"), grpc=True)
    yield server.wait_ready()
    server.stop()


@pytest.fixture(scope="session")
def mixed(mixed_config: ServerConfig, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server of a mixed table."""
    server = ServerProcess(mixed_config, tmp_path_factory.mktemp("mixed"), grpc=True)
    yield server.wait_ready()
    server.stop()


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Callable[..., ServerProcess]]:
    """Starts servers of one test, and ends those that the test has not ended."""
    started: list[ServerProcess] = []

    def start(config: ServerConfig, **options: Any) -> ServerProcess:
        started.append(ServerProcess(config, tmp_path / f"pod-{len(started)}", **options))
        return started[-1]

    yield start
    for server in started:
        server.stop()
