"""Handlers for probes and for whoever collects figures: live, ready, metrics, arms."""

from collections.abc import Callable

from perennial.api.records.arms import ArmsReport
from perennial.runtime.serving.errors import NotReady
from perennial.runtime.serving.http import JSON, Answer, Receive, Request, json_answer
from perennial.runtime.serving.metrics import Metrics
from perennial.runtime.serving.state import State, not_alive_because

_PROMETHEUS = (b"content-type", b"text/plain; version=0.0.4; charset=utf-8")


class Health:
    """Handlers that need no model.

    Args:
        report: the arms' counters; None while the model is loading.
    """

    def __init__(self, model: str, state: State, metrics: Metrics, timeout_seconds: float) -> None:
        self._model = model
        self._state = state
        self._metrics = metrics
        self._timeout = timeout_seconds
        self.report: Callable[[], ArmsReport] | None = None

    async def live(self, request: Request, receive: Receive) -> Answer:
        """200 while the process can do its work, loading and draining included."""
        reason = not_alive_because(self._metrics, self._timeout)
        return json_answer({"live": False, "error": reason}, 503) if reason else json_answer({"live": True})

    async def ready(self, request: Request, receive: Receive) -> Answer:
        """200 when requests are welcome, else 503 and why."""
        self._check()
        return json_answer({"ready": True})

    async def model_ready(self, request: Request, receive: Receive) -> Answer:
        """The same for the model."""
        self._check()
        return json_answer({"name": self._model, "ready": True})

    async def v1_model(self, request: Request, receive: Receive) -> Answer:
        """V1's form of it."""
        return json_answer({"name": self._model, "ready": self._state.is_ready})

    async def metrics(self, request: Request, receive: Receive) -> Answer:
        """Prometheus text."""
        return Answer(200, self._metrics.text(), (_PROMETHEUS,))

    async def arms(self, request: Request, receive: Receive) -> Answer:
        """Both arms' cumulative counters."""
        if self.report is None:
            raise NotReady(f"model '{self._model}' is not ready: {self._state.reason}")
        return Answer(200, self.report().to_json(), (JSON,))

    def _check(self) -> None:
        if not self._state.is_ready:
            raise NotReady(f"model '{self._model}' is not ready: {self._state.reason}")
