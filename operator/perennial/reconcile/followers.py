"""Who follows whom: ModelDeployments follow models, RetrainPolicies follow both. Read from the cache alone."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from perennial.observe.cache import Cache
from perennial.reconcile.context import Key


def model_of(training: Mapping[str, Any]) -> str:
    """The registry name of a ModelTraining's model."""
    return str((training.get("spec") or {}).get("model") or training["metadata"]["name"])


def followed_model(deployment: Mapping[str, Any]) -> str | None:
    """The model that a ModelDeployment follows; None for one that serves a URI."""
    name = ((deployment.get("spec") or {}).get("model") or {}).get("name")
    return str(name) if name else None


def is_followed(cache: Cache, namespace: str, model: str) -> bool:
    """Whether a ModelDeployment follows the model, and so moves its champion alias."""
    return any(_follows(d, model) for d in cache.of_kind("ModelDeployment", namespace))


def _follows(deployment: Mapping[str, Any], model: str) -> bool:
    ref = (deployment.get("spec") or {}).get("model") or {}
    return followed_model(deployment) == model and not ref.get("version")


def deployments_of(body: Mapping[str, Any], cache: Cache) -> Iterator[Key]:
    """ModelDeployments and RetrainPolicies that read a ModelTraining."""
    namespace, model = body["metadata"]["namespace"], model_of(body)
    for deployment in cache.of_kind("ModelDeployment", namespace):
        if followed_model(deployment) == model:
            yield Key("ModelDeployment", namespace, deployment["metadata"]["name"])
    yield from _policies(body, cache, ("trainingRef",))
    yield from owner_of(body)


def policies_of(body: Mapping[str, Any], cache: Cache) -> Iterable[Key]:
    """RetrainPolicies that watch a ModelDeployment."""
    return _policies(body, cache, ("deploymentRef",))


def _policies(body: Mapping[str, Any], cache: Cache, refs: tuple[str, ...]) -> Iterator[Key]:
    namespace, name = body["metadata"]["namespace"], body["metadata"]["name"]
    for policy in cache.of_kind("RetrainPolicy", namespace):
        spec = policy.get("spec") or {}
        if any((spec.get(ref) or {}).get("name") == name for ref in refs):
            yield Key("RetrainPolicy", namespace, policy["metadata"]["name"])


def owner_of(body: Mapping[str, Any]) -> Iterator[Key]:
    """The RetrainPolicy that made a ModelTraining."""
    for owner in body["metadata"].get("ownerReferences") or ():
        if owner.get("controller") and owner["kind"] == "RetrainPolicy":
            yield Key("RetrainPolicy", body["metadata"]["namespace"], owner["name"])
