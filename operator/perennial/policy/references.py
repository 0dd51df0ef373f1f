"""What the objects of a namespace refer to in the registry, and so stays when storage is cleaned. Pure.

Every text of an object is looked at, not only the fields that are known to refer: a field that is added later is not
forgotten, and a digest of something else keeps nothing that should go.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from perennial.api import ModelDeployment, ModelTraining
from perennial.api.fields import parse_duration
from perennial.api.group import RETRAIN
from perennial.api.identities import run_key
from perennial.api.monitoring import Monitoring
from perennial.store.gc import Live
from perennial.store.layout import ModelKeys

_RUN = re.compile(r"(?:sha256:|/runs/)([0-9a-f]{64})")

type Body = Mapping[str, Any]


def references(bodies: Iterable[Body], registry: str, namespace: str) -> Live:
    """What stays because of these objects.

    Args:
        bodies: all ModelTrainings, ModelDeployments and RetrainPolicies of the namespace.
        registry: URI of the registry.
        namespace: theirs.
    """
    found = list(bodies)
    texts = {text for body in found for text in _texts_of(body)}
    root = registry.rstrip("/") + "/"
    monitored = dict(one for body in found if body["kind"] == "ModelDeployment" for one in _monitored(body))
    trainings = [body for body in found if body["kind"] == "ModelTraining"]
    return Live(
        runs=frozenset(f"sha256:{digest}" for text in texts for digest in _RUN.findall(text)),
        keys=frozenset(
            {text.removeprefix(root) for text in texts if text.startswith(root)}
            | {key for body in trainings for key in _pointers(body, namespace)}
        ),
        working=frozenset(_model(body) for body in trainings if not _is_over(body)),
        payloads_kept={uid: parse_duration(asked.payloads.keep) for uid, asked in monitored.items()},
        labels_delay={uid: parse_duration(asked.labels.delay) for uid, asked in monitored.items() if asked.labels},
    )


def _texts_of(body: Body) -> Iterator[str]:
    yield from _texts([body.get("spec"), body.get("status"), body["metadata"].get("annotations")])


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _model(training: Body) -> str:
    return str(training["spec"].get("model") or training["metadata"]["name"])


def _pointers(training: Body, namespace: str) -> Iterator[str]:
    """Keys that lead to its run: of the status, and of the spec for an object that was restored without a status."""
    keys, model = ModelKeys(namespace, _model(training)), _model(training)
    known = ((training.get("status") or {}).get("run") or {}).get("key")
    if known:
        yield keys.run_pointer(known)
    try:
        spec = ModelTraining.model_validate(_known(training)).spec
    except ValidationError:  # let in by an older CRD: it asks for nothing that this release can do
        return
    retrain = (training["metadata"].get("annotations") or {}).get(RETRAIN)
    yield keys.run_pointer(run_key(spec.normalised(), model=model, retrain=retrain))


def _is_over(training: Body) -> bool:
    """Whether no attempt is to come: else the next one may go on with trials and checkpoints of the ones before."""
    conditions = (training.get("status") or {}).get("conditions") or ()
    return any(c.get("type") == "Succeeded" and c.get("status") in ("True", "False") for c in conditions)


def _monitored(deployment: Body) -> Iterator[tuple[str, Monitoring]]:
    try:
        asked = ModelDeployment.model_validate(_known(deployment)).spec.monitoring
    except ValidationError:
        return
    yield str(deployment["metadata"]["uid"]), asked


def _known(body: Body) -> dict[str, Any]:
    return {k: body[k] for k in ("apiVersion", "kind", "metadata", "spec", "status") if k in body}
