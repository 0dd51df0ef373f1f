"""A serving pod is given the time that its own end takes."""

from dataclasses import replace

import pytest

from perennial.api.records.server import FLUSH_SECONDS, PRE_STOP_SECONDS, ServerSettings
from perennial.desired.serving_revision import pod_template
from perennial.runtime.serving.app import App
from perennial.runtime.serving.counting import cells_for
from perennial.runtime.serving.metrics import Metrics
from perennial.runtime.serving.state import State
from perennial.runtime.serving.worker import _uvicorn_config
from tests.unit.desired.test_golden import owner, revision


@pytest.mark.parametrize("timeout", [1, 30, 3600])
def test_the_grace_period_holds_the_longest_drain_the_longest_request_and_the_last_windows(timeout: int) -> None:
    settings = ServerSettings(timeout_seconds=timeout)
    made = replace(revision(), server_config={"settings": {"timeoutSeconds": timeout}})
    spec = pod_template(owner("ModelDeployment"), made)["spec"]
    (container,) = spec["containers"]
    before = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    metrics = Metrics(cells_for(1), {})
    graceful = _uvicorn_config(App("m", "1", State(), metrics), timeout).timeout_graceful_shutdown
    assert graceful is not None
    needed = before + settings.drain_seconds + graceful + FLUSH_SECONDS
    assert before == PRE_STOP_SECONDS
    assert spec["terminationGracePeriodSeconds"] >= needed
    assert graceful < spec["terminationGracePeriodSeconds"] - FLUSH_SECONDS
