"""Which function looks after which kind, and which keys an object's change concerns besides its own."""

from perennial.reconcile import deployment, retrain, training
from perennial.reconcile.context import Reconciler, Related
from perennial.reconcile.followers import deployments_of, policies_of
from perennial.reconcile.guard import telling

RECONCILERS: dict[str, Reconciler] = {
    "ModelTraining": telling(training.reconcile),
    "ModelDeployment": telling(deployment.reconcile),
    "RetrainPolicy": telling(retrain.reconcile),
}

RELATED: dict[str, Related] = {"ModelTraining": deployments_of, "ModelDeployment": policies_of}
"""By kind of the changed object: keys of other objects that read it (a deployment follows a training's versions)."""
