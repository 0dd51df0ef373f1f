"""The Gateway API HTTPRoute to a ModelDeployment's public Service."""

from collections.abc import Mapping
from typing import Any

from perennial.desired import labels, names

SERVICE_PORT = 80


def http_route(
    owner: Mapping[str, Any], model: str, *, gateway: tuple[str, str], hostname: str | None = None
) -> dict[str, Any]:
    """Everything that comes to a host goes to the Service, whose selector names the stable revision.

    Args:
        owner: the ModelDeployment.
        model: name of the model.
        gateway: namespace and name of the Gateway.
        hostname: None for every host that the gateway listens for.
    """
    name = owner["metadata"]["name"]
    child = labels.child_labels("ModelDeployment", name, component="serving", model=model)
    hosts = {"hostnames": [hostname]} if hostname else {}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": labels.child_metadata(owner, names.service(name), child),
        "spec": {
            "parentRefs": [{"namespace": gateway[0], "name": gateway[1]}],
            **hosts,
            "rules": [
                {
                    "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
                    "backendRefs": [{"name": names.service(name), "port": SERVICE_PORT}],
                }
            ],
        },
    }
