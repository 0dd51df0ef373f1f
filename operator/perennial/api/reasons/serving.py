"""Reasons of a ModelDeployment: which version is wanted, whether it serves, how the rollout goes."""

from perennial.api.reasons.entry import Topic

_t = Topic("ModelDeployment")

SERVING = _t.fine("Serving", "The wanted version answers requests.")
LOADED = _t.fine("Loaded", "The server has verified and warmed up the model.")
LOADING = _t.fine("Loading", "Servers are starting.")
NO_ROLLOUT = _t.fine("NoRollout", "The wanted version is the stable one.")
WAITING_FOR_FIRST_VERSION = _t.fine(
    "WaitingForFirstVersion",
    "No version of the model is approved yet; serving begins by itself with the first.",
    "Look at the ModelTraining if it lasts: `perennial describe`.",
)
VERSION_NOT_FOUND = _t.warning(
    "VersionNotFound",
    "spec.model.version does not exist.",
    "`perennial versions` lists the versions; or remove spec.model.version to follow the approved one.",
)
VERSION_NOT_APPROVED = _t.warning(
    "VersionNotApproved",
    "spec.model.version was refused or is not decided yet.",
    "Pin an approved version, or approve it with the annotation perennial.dev/approve.",
)
MODEL_NOT_FOUND = _t.warning(
    "ModelNotFound",
    "spec.model.uri names no finished run of this namespace's registry.",
    "The message lists what there is; a trained model's URI is status.artifact.uri of its ModelTraining.",
)
MODEL_DIGEST_DIFFERS = _t.warning(
    "ModelDigestDiffers",
    "The artifact at spec.model.uri is not the one that spec.model.digest names.",
    "Correct the digest if the message names the wanted artifact (status.artifact.digest of its ModelTraining).",
)
VERSION_REJECTED = _t.warning(
    "VersionRejected",
    "This version was rolled back before and is never tried again by itself.",
    "Train a better one; or lift it with the command in the message.",
)
NO_READY_POD = _t.warning(
    "NoReadyPod",
    "No server of the stable revision is ready.",
    "The message names what pods wait for; `kubectl describe pod` shows the rest.",
)
MINIMUM_REPLICAS = _t.fine("MinimumReplicas", "Enough servers of the stable revision are ready.")
MODEL_REFUSED = _t.warning(
    "ModelRefused",
    "The server refused the model: wrong digest, a type that is not allowed, or another answer than training recorded.",
    "The stored artifact was changed, or the server's libraries do not fit it: train again, or restore the artifact.",
)

# The route.
ROUTED = _t.fine("Routed", "The gateway has accepted the HTTPRoute; status.url names its host.")
ROUTE_PENDING = _t.fine(
    "RoutePending",
    "The HTTPRoute waits for the first version, or for the gateway's controller.",
    "If it lasts: is a controller of the Gateway API running, and does it look after the gateway's class?",
)
ROUTE_REFUSED = _t.warning(
    "RouteRefused",
    "The gateway does not accept the HTTPRoute.",
    "The message holds the gateway's words: most often its listeners allow neither the namespace nor the host name.",
)
GATEWAY_NOT_FOUND = _t.warning(
    "GatewayNotFound",
    "spec.route.gateway does not exist.",
    "Correct it: `name` in the object's own namespace or `namespace/name`; `kubectl get gateways -A` lists them.",
)
GATEWAY_API_MISSING = _t.warning(
    "GatewayAPIMissing",
    "The cluster has no HTTPRoute of gateway.networking.k8s.io/v1.",
    "Install the Gateway API's CRDs (1.0 or later) and a controller for it, or remove spec.route; found by itself.",
)

# The rollout.
ROLLOUT_STARTED = _t.fine("RolloutStarted", "A new revision is being rolled out.")
STEPPING = _t.fine("Stepping", "The candidate gets its share of requests and is watched.")
CANDIDATE_STARTING = _t.fine("CandidateStarting", "Servers of the candidate are starting.")
CANDIDATE_READY = _t.fine("CandidateReady", "The candidate can take requests.")
GATHERING_EVIDENCE = _t.fine("GatheringEvidence", "The step waits until enough requests were answered.")
STEP_PASSED = _t.fine("StepPassed", "Nothing speaks against the candidate; the next step begins.")
STEPS_PASSED = _t.fine("StepsPassed", "All steps passed; the candidate takes over.")
PROMOTION_APPROVED = _t.fine(
    "PromotionApproved", "A person promoted the candidate: it skips what is left of its steps and takes over."
)
PROMOTION_REFUSED = _t.warning(
    "PromotionRefused",
    "The annotation perennial.dev/promote names a version that is not on its way in, or has another form.",
    "The message says what is on its way in; set the annotation again with another reason, for each value acts once.",
)
SWITCHED = _t.fine("Switched", "All requests go to the new version; analysis goes on while it bakes.")
BAKING = _t.fine("Baking", "The new version answers everything; the previous one stands by at full size.")
PROMOTED = _t.fine("Promoted", "The new version is the stable one.")
SUPERSEDED = _t.fine("Superseded", "A newer version took the candidate's place.")
PAUSED = _t.fine("Paused", "rollout.paused is true: weights stay where they are.", "Set rollout.paused to false.")
ROLLED_BACK = _t.warning(
    "RolledBack",
    "The candidate was worse, or a person took it back; the stable version answers everything.",
    "status.history and status.rejected hold the figures that decided it.",
)
ANALYSIS_FAILED = _t.warning(
    "AnalysisFailed",
    "A metric of rollout.analysis shows that the candidate is worse.",
    "status.candidate.analysis, or the message, holds the figures.",
)
NON_FINITE_PREDICTIONS = _t.warning(
    "NonFinitePredictions", "The candidate answers with NaN or infinity.", "Look at the training data and estimator."
)
CONSTANT_PREDICTIONS = _t.warning(
    "ConstantPredictions", "The candidate answers the same to everything.", "Look at the training data and estimator."
)
CANDIDATE_CRASHED = _t.warning(
    "CandidateCrashed",
    "Servers of the candidate end again and again.",
    "`kubectl logs --previous` of its pods; most often memory: raise server.resources.",
)
CANDIDATE_NOT_READY = _t.warning(
    "CandidateNotReady",
    "Servers of the candidate did not become ready in time.",
    "The message says what they wait for: image, node, storage or the model.",
)
INCONCLUSIVE = _t.warning(
    "Inconclusive",
    "Too few requests came to judge the candidate; it is not rejected and will be tried again.",
    "Wait for traffic, lengthen evidence.waitFor, lower minRequests, or use evidence.mode BestEffort.",
)
ROLLBACK_REQUESTED = _t.fine("RollbackRequested", "A person asked for the rollback.")
ROLLBACK_REFUSED = _t.warning(
    "RollbackRefused",
    "The annotation perennial.dev/rollback found nothing to take back, or has another form.",
    "To serve an earlier version, pin it: spec.model.version.",
)
STABLE_UNAVAILABLE = _t.warning(
    "StableUnavailable",
    "The stable version had no ready server, so the candidate took over as soon as it was ready.",
    "Look at why the stable servers ended.",
)
SIGNATURE_UNREADABLE = _t.warning(
    "SignatureUnreadable",
    "A signature cannot be read, so that it is not known whether the candidate takes what the stable version takes.",
    "The message names the run and the place: train again, or accept it with the annotation from the message.",
)
SIGNATURE_CHANGED = _t.warning(
    "SignatureChanged",
    "The candidate does not accept what the stable version accepts, or answers otherwise.",
    "Adapt the clients, then accept it with the perennial.dev/accept-signature annotation from the message.",
)
