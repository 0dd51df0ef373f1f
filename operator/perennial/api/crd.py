"""The three CustomResourceDefinitions as data: names, columns, scale, root rules. Pure; `crdgen` writes the files."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from perennial.api.deployment import ModelDeploymentSpec
from perennial.api.deployment_status import ModelDeploymentStatus
from perennial.api.group import GROUP, PLURALS, SHORT_NAMES, VERSION, Kind
from perennial.api.retrain import RetrainPolicySpec
from perennial.api.retrain_status import RetrainPolicyStatus
from perennial.api.rule import Rule
from perennial.api.schema import structural
from perennial.api.training import ModelTrainingSpec
from perennial.api.training_status import ModelTrainingStatus

NAME_RULES = (
    Rule(
        "size(self.metadata.name) <= 40",
        "metadata.name may have at most 40 characters, for the names of its children are made of it: shorten it",
        None,
    ),
    Rule(
        "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
        "metadata.name begins with a letter and holds only a-z, 0-9 and -, for it becomes part of a Service's name",
        None,
    ),
)

MODEL_IS_FIXED = Rule(
    "(has(self.spec.model) ? self.spec.model : self.metadata.name) == "
    "(has(oldSelf.spec.model) ? oldSelf.spec.model : oldSelf.metadata.name)",
    "spec.model cannot be changed, for the versions of a model are kept under its name: make a new ModelTraining",
    None,
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of `kubectl get`; details (priority 1) show with `-o wide`."""

    name: str
    path: str
    type: str = "string"
    detail: bool = False
    description: str = ""

    def as_json(self) -> dict[str, Any]:
        """The column as the CRD spells it."""
        out: dict[str, Any] = {"name": self.name, "type": self.type, "jsonPath": self.path}
        return out | ({"description": self.description} if self.description else {}) | {"priority": int(self.detail)}


def _condition(type_: str, field: str) -> str:
    return f'.status.conditions[?(@.type=="{type_}")].{field}'


READY = (Column("Ready", _condition("Ready", "status")), Column("Reason", _condition("Ready", "reason")))
AGE = Column("Age", ".metadata.creationTimestamp", "date")
MESSAGE = Column("Message", _condition("Ready", "message"), detail=True)

COLUMNS: dict[Kind, tuple[Column, ...]] = {
    "ModelTraining": (
        Column("Succeeded", _condition("Succeeded", "status"), description="of the latest run"),
        *READY,
        Column("Version", ".status.version.number", "integer"),
        Column("Metric", ".status.keyMetric", description="on the hold-out"),
        AGE,
        Column("Stage", ".status.run.stage", detail=True),
        Column("Progress", ".status.run.progress.percent", "integer", detail=True),
        Column("State", ".status.version.state", detail=True),
        Column("Rows", ".status.data.rows", "integer", detail=True),
        Column("Job", ".status.run.job", detail=True),
        MESSAGE,
    ),
    "ModelDeployment": (
        *READY,
        Column("Version", ".status.stable.version", "integer"),
        Column("Candidate", ".status.candidate.version", "integer"),
        Column("Weight", ".status.candidate.weight", "integer", description="percent answered by the candidate"),
        AGE,
        Column("Replicas", ".status.replicas", "integer", detail=True),
        Column("URL", ".status.url", detail=True),
        Column("Last", ".status.history[-1:].result", detail=True, description="how the last rollout ended"),
        MESSAGE,
    ),
    "RetrainPolicy": (
        *READY,
        Column("Drift", ".status.drift.state"),
        Column("Allowed", _condition("RetrainAllowed", "status"), description="whether a run may start now"),
        Column("Last Run", ".status.runs[-1:].training"),
        AGE,
        Column("Outcome", ".status.runs[-1:].outcome", detail=True),
        Column("Next Schedule", ".status.next.schedule", detail=True),
        Column("Earliest", ".status.next.earliestAllowed", detail=True),
        Column("Suspended", ".spec.suspend", "boolean", detail=True),
        MESSAGE,
    ),
}

MODELS: dict[Kind, tuple[type[BaseModel], type[BaseModel]]] = {
    "ModelTraining": (ModelTrainingSpec, ModelTrainingStatus),
    "ModelDeployment": (ModelDeploymentSpec, ModelDeploymentStatus),
    "RetrainPolicy": (RetrainPolicySpec, RetrainPolicyStatus),
}

ROOT_RULES: dict[Kind, tuple[Rule, ...]] = {
    "ModelTraining": (*NAME_RULES, MODEL_IS_FIXED),
    "ModelDeployment": NAME_RULES,
    "RetrainPolicy": NAME_RULES,
}

SCALE = {
    "specReplicasPath": ".spec.replicas",
    "statusReplicasPath": ".status.replicas",
    "labelSelectorPath": ".status.selector",
}


def crd(kind: Kind) -> dict[str, Any]:
    """The CustomResourceDefinition of one kind."""
    plural, short = PLURALS[kind], SHORT_NAMES[kind]
    names = {
        "kind": kind,
        "listKind": f"{kind}List",
        "plural": plural,
        "singular": kind.lower(),
        "shortNames": [short],
        "categories": ["perennial", "mlops"],
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}", "labels": {"app.kubernetes.io/part-of": "perennial"}},
        "spec": {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [_version(kind)]},
    }


def _version(kind: Kind) -> dict[str, Any]:
    scale = {"scale": SCALE} if kind == "ModelDeployment" else {}
    return {
        "name": VERSION,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": _root(kind)},
        "subresources": {"status": {}, **scale},
        "additionalPrinterColumns": [column.as_json() for column in COLUMNS[kind]],
    }


def _root(kind: Kind) -> dict[str, Any]:
    spec, status = MODELS[kind]
    described: Callable[[str], dict[str, Any]] = lambda text: {"type": "string", "description": text, "maxLength": 64}  # noqa: E731
    return {
        "type": "object",
        "description": spec.__doc__,
        "required": ["spec"],
        "properties": {
            "apiVersion": described("Version of this schema."),
            "kind": described("Kind of this object."),
            "metadata": {"type": "object"},
            "spec": structural(spec),
            "status": structural(status),
        },
        "x-kubernetes-validations": [{"rule": rule.cel, "message": rule.message} for rule in ROOT_RULES[kind]],
    }
