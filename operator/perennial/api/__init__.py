"""The v1alpha1 API as pydantic models, with its conditions, reasons and identities. No I/O.

Names are loaded on first use: a server that reads one file record must not pay for every schema.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from perennial.api.conditions import Condition, condition, is_true, with_condition, without_condition
    from perennial.api.deployment import ModelDeployment, ModelDeploymentSpec
    from perennial.api.deployment_status import ModelDeploymentStatus
    from perennial.api.fields import format_duration, format_time, parse_duration, parse_quantity, parse_time
    from perennial.api.problem import Problem, problems_of
    from perennial.api.retrain import RetrainPolicy, RetrainPolicySpec
    from perennial.api.retrain_status import RetrainPolicyStatus
    from perennial.api.training import ModelTraining, ModelTrainingSpec
    from perennial.api.training_status import ModelTrainingStatus
    from perennial.api.validate import validate_deployment, validate_policy, validate_training

__all__ = [
    "Condition",
    "ModelDeployment",
    "ModelDeploymentSpec",
    "ModelDeploymentStatus",
    "ModelTraining",
    "ModelTrainingSpec",
    "ModelTrainingStatus",
    "Problem",
    "RetrainPolicy",
    "RetrainPolicySpec",
    "RetrainPolicyStatus",
    "condition",
    "format_duration",
    "format_time",
    "is_true",
    "parse_duration",
    "parse_quantity",
    "parse_time",
    "problems_of",
    "validate_deployment",
    "validate_policy",
    "validate_training",
    "with_condition",
    "without_condition",
]

_HOMES = {
    "conditions": ("Condition", "condition", "is_true", "with_condition", "without_condition"),
    "deployment": ("ModelDeployment", "ModelDeploymentSpec"),
    "deployment_status": ("ModelDeploymentStatus",),
    "fields": ("format_duration", "format_time", "parse_duration", "parse_quantity", "parse_time"),
    "problem": ("Problem", "problems_of"),
    "retrain": ("RetrainPolicy", "RetrainPolicySpec"),
    "retrain_status": ("RetrainPolicyStatus",),
    "training": ("ModelTraining", "ModelTrainingSpec"),
    "training_status": ("ModelTrainingStatus",),
    "validate": ("validate_deployment", "validate_policy", "validate_training"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
