"""Names of the API itself: group, version, kinds, annotations and labels that users and tools may rely on."""

from typing import Literal

GROUP = "perennial.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

Kind = Literal["ModelTraining", "ModelDeployment", "RetrainPolicy"]

PLURALS: dict[Kind, str] = {
    "ModelTraining": "modeltrainings",
    "ModelDeployment": "modeldeployments",
    "RetrainPolicy": "retrainpolicies",
}
SHORT_NAMES: dict[Kind, str] = {"ModelTraining": "mtr", "ModelDeployment": "mdp", "RetrainPolicy": "rtp"}

# A value acts once and is recorded.
RETRAIN = f"{GROUP}/retrain"
RETRY = f"{GROUP}/retry"

# `<version> <user> <reason …>`; guarded by the chart's ValidatingAdmissionPolicy.
APPROVE = f"{GROUP}/approve"
REFUSE = f"{GROUP}/refuse"
PROMOTE = f"{GROUP}/promote"
ROLLBACK = f"{GROUP}/rollback"
ACCEPT_SIGNATURE = f"{GROUP}/accept-signature"

MANAGED_BY = "perennial.dev/operator"
"""The value of `spec.managedBy` that means this operator, as does leaving it out."""
