"""Reasons of a RetrainPolicy: triggers, brakes and verdicts."""

from perennial.api.reasons.entry import Topic

_t = Topic("RetrainPolicy")

WATCHING = _t.fine("Watching", "Nothing calls for a retraining.")
TRAINING_NOT_FOUND = _t.warning(
    "TrainingNotFound", "spec.trainingRef names no ModelTraining of this namespace.", "Create it, or correct the name."
)
DEPLOYMENT_NOT_FOUND = _t.warning(
    "DeploymentNotFound",
    "spec.deploymentRef names no ModelDeployment of this namespace.",
    "Create it, or correct the name.",
)
DUPLICATE_POLICY = _t.warning(
    "DuplicatePolicy",
    "Another, older policy repeats the same training; two would fight.",
    "Delete one of them; the message names the other.",
)
RETRAINING = _t.fine("Retraining", "A child training is under way.", "status.runs names it.")
DATA_OVERTAKEN = _t.fine(
    "DataOvertaken",
    "Data arrived between the decision and the start of the run, so it found other data than was pinned for it.",
    "Nothing was trained and nothing is counted against the trigger: the same cause is pinned again, once.",
)
RETRAIN_STARTED = _t.fine("RetrainStarted", "A child training was made.")
MANUAL = _t.fine("Manual", "A person asked for the run.")
SCHEDULE = _t.fine("Schedule", "The schedule fired.")
NEW_DATA = _t.fine("NewData", "Enough new rows or objects have arrived.")
DRIFT = _t.fine("Drift", "Requests or answers have moved away from training.", "status.drift names the features.")
PERFORMANCE = _t.fine("Performance", "The model has become worse at what really happened.")
ALLOWED = _t.fine("Allowed", "A run may start now.")

# Brakes.
ALREADY_RUNNING = _t.fine("AlreadyRunning", "As many runs as brakes.maxConcurrent allows are under way.")
COOLDOWN = _t.fine(
    "Cooldown",
    "The last run is too recent.",
    "Wait, shorten brakes.cooldown, or annotate the policy with perennial.dev/retrain=$(date +%s).",
)
DAILY_LIMIT = _t.fine("DailyLimit", "brakes.maxPerDay is reached.", "Wait, or raise it.")
BUDGET_SPENT = _t.warning("BudgetSpent", "brakes.budget is spent.", "Wait, or raise it.")
CIRCUIT_OPEN = _t.warning(
    "CircuitOpen",
    "Challengers of this trigger were refused brakes.stopAfterRefused times in a row.",
    "Look at their gates; a promotion, an edit of the policy or a new value of perennial.dev/reset closes the circuit.",
)
DATA_QUALITY = _t.warning(
    "DataQuality",
    "Missing values or types in requests are broken: a model should not learn from that.",
    "Mend the sender; the block ends by itself after 7 days or when the training data passes its checks.",
)
NEW_LABELS = _t.fine(
    "NewLabels",
    "Too few labelled rows lie after the change to learn it and to judge.",
    "Wait for labels, or lower brakes.minNewLabelledRows.",
)

# Verdicts.
CLEAR = _t.fine("Clear", "No drift was seen.")
DRIFTED = _t.warning("Drifted", "Drift was seen in enough windows.", "A retraining starts when the brakes allow.")
DRIFT_WARNING = _t.fine("Warning", "Some windows moved more than half way to the limit.")
ACKNOWLEDGED = _t.fine(
    "Acknowledged",
    "What is seen differs from training, but a retrained challenger was not better; only further change counts.",
)
INSUFFICIENT_DATA = _t.fine(
    "InsufficientData",
    "Too few requests came for a verdict; that is not the same as no drift.",
    "Wait for traffic, or lengthen triggers.drift.window.",
)
INSUFFICIENT_LABELS = _t.fine(
    "InsufficientLabels",
    "Too few labels have arrived for a verdict.",
    "Wait, or look at whether labels reach monitoring.labels.uri.",
)
NO_WINDOWS = _t.fine("NoWindows", "No window of requests is closed yet.", "Send requests; windows close by the hour.")
PERFORMANCE_LOST = _t.warning("Lost", "The metric is below its floor.", "A retraining starts when the brakes allow.")
