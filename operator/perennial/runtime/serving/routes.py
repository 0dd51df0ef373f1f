"""Which path is answered by what. The list of everything that this server can be asked."""

from collections.abc import Callable
from typing import Any

from perennial.runtime.serving.app import App
from perennial.runtime.serving.errors import Invalid
from perennial.runtime.serving.extensions import CHOSEN_BY_DEPLOYMENT
from perennial.runtime.serving.health import Health
from perennial.runtime.serving.http import Answer, Receive, Request, json_answer
from perennial.runtime.serving.inference import Inference
from perennial.runtime.serving.metadata import Metadata


def add_health(app: App, health: Health) -> None:
    """Paths that exist before the model does."""
    for path in ("/v2/health/live", "/healthz", "/livez"):
        app.add("GET", path, health.live)
    for path in ("/v2/health/ready", "/readyz"):
        app.add("GET", path, health.ready)
    app.add("GET", "/metrics", health.metrics)
    app.add("GET", "/perennial/arms", health.arms)


def add_model(app: App, metadata: Metadata, health: Health, inference: Inference) -> None:
    """Paths of the loaded model, with and without its version."""
    app.add("GET", "/v2", _json(metadata.server))
    app.add("POST", "/v2/repository/index", _json(metadata.index))
    v2 = f"/v2/models/{metadata.name}"
    for name, infer in ((v2, inference.v2), (f"{v2}/versions/{metadata.version}", inference.v2_here)):
        app.add("GET", name, _json(metadata.model))
        app.add("GET", f"{name}/ready", health.model_ready)
        app.add("GET", f"{name}/config", _json(metadata.config))
        app.add("POST", f"{name}/infer", infer)
    for action in ("load", "unload"):
        app.add("POST", f"/v2/repository/models/{metadata.name}/{action}", _refuse_repository_control)
    v1 = f"/v1/models/{metadata.name}"
    app.add("GET", "/v1/models", _json(metadata.v1_models))
    app.add("GET", v1, health.v1_model)
    app.add("POST", f"{v1}:predict", inference.v1)
    app.add("POST", f"{v1}/versions/{metadata.version}:predict", inference.v1_here)
    app.add("GET", "/openapi.json", _json(metadata.openapi))
    app.add("GET", "/", metadata.page)


def _json(make: Callable[[], Any]) -> Callable[[Request, Receive], Any]:
    async def handler(request: Request, receive: Receive) -> Answer:
        return json_answer(make())

    return handler


async def _refuse_repository_control(request: Request, receive: Receive) -> Answer:
    raise Invalid(CHOSEN_BY_DEPLOYMENT)
