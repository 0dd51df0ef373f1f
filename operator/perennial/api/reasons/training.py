"""Reasons of a ModelTraining: the Job, the data, the estimator, the gates."""

from perennial.api.reasons.entry import Topic

_t = Topic("ModelTraining")

JOB_CREATED = _t.fine("JobCreated", "The Job of the run was made.")
QUEUED = _t.fine("Queued", "The Job waits for a queue to admit it.", "Look at the Workload of Kueue if it lasts.")
UNSCHEDULABLE = _t.warning(
    "Unschedulable",
    "No node has room for the pod.",
    "The message names what is missing: lower template.resources, correct nodeSelector, or add a node.",
)
RUNNING = _t.fine(
    "Running", "The run is under way.", "`kubectl logs job/…` shows what it says; status.run.job names the Job."
)
ENDING_EARLIER_RUN = _t.fine(
    "EndingEarlierRun", "The spec changed what is asked for: the Job of the earlier run ends first."
)
EVALUATING = _t.fine(
    "Evaluating", "An existing run is measured again for edited gates or another champion; nothing is trained."
)
SUCCEEDED = _t.fine("Succeeded", "The run is complete.")
REUSED = _t.fine("Reused", "A run of the same data, fields and environment exists and was taken.")
APPROVED = _t.fine("Approved", "The version may serve.")
BY_PERSON = _t.fine("ByPerson", "A person decided about the version.")
GATES_PASSED = _t.fine("GatesPassed", "All gates passed.")
GATE_FAILED = _t.warning(
    "GateFailed",
    "A gate refused the version; an older usable version stays in use.",
    "status.gates says which and by how much: better data, another design, or a gate that asks for less.",
)
REFUSED = _t.warning("Refused", "The version may not serve.", "status.version.reason and status.gates say why.")
NOT_ENOUGH_EVIDENCE = _t.warning(
    "NotEnoughEvidence",
    "The hold-out is too small to tell whether a gate passes.",
    "status.gates.rowsNeeded says how many rows would do; or a person approves the version.",
)
CHAMPION_CHANGED = _t.fine(
    "ChampionChanged", "Another version was promoted meanwhile: the comparison is made again with it."
)
NO_VERSION = _t.warning("NoVersion", "No usable version exists.", "status.failure or status.gates says why.")

# Failures of a run.
OUT_OF_MEMORY = _t.warning(
    "OutOfMemory",
    "The container used more memory than its limit and was killed.",
    "Raise template.resources.limits.memory; the message says how much was used.",
)
MEMORY_LIMIT_TOO_LOW = _t.warning(
    "MemoryLimitTooLow",
    "The data cannot fit the pod's memory limit, so it was not even begun.",
    "Set template.resources.limits.memory to at least what the message asks for, or read less with from, to, include.",
)
DATA_REFUSED = _t.warning(
    "DataRefused",
    "The data, or the spec against the data, is at fault.",
    "The message names column, value and expectation: correct the data or the field.",
)
EXPECTATION_FAILED = _t.warning(
    "ExpectationFailed",
    "The data broke one of data.expectations.",
    "Mend the data, or the expectation if it was wrong; the report shows the rows at fault.",
)
EMPTY_DATA_SET = _t.warning(
    "EmptyDataSet",
    "The URI holds no objects, or the objects no rows in the bounds.",
    "Check data.train.uri (a prefix ends with /), include, from and to.",
)
COLUMN_MISSING = _t.warning(
    "ColumnMissing",
    "The spec names a column that the data has not.",
    "The message offers the nearest names: correct the field.",
)
NO_FEATURES = _t.warning(
    "NoFeatures", "No column is left to learn from.", "Widen features.include, or shorten features.exclude."
)
CORRUPT_OBJECT = _t.warning(
    "CorruptObject", "An object cannot be read in its format.", "Replace the object that the message names."
)
FORMAT_UNKNOWN = _t.warning(
    "FormatUnknown", "The format of an object cannot be told by its name.", "Set data.train.format, or narrow include."
)
TYPES_DIFFER = _t.warning(
    "TypesDiffer",
    "A column has different types in different objects.",
    "Write the column with one type everywhere, or set features.types.",
)
DUPLICATE_COLUMN = _t.warning("DuplicateColumn", "Two columns have the same name.", "Rename one of them in the data.")
DIGEST_MISMATCH = _t.warning(
    "DigestMismatch",
    "What the URI holds is not what data.train.digest pins.",
    "The message holds both digests: restore the objects, or pin the new digest.",
)
CONSTANT_TARGET = _t.warning(
    "ConstantTarget", "The target has one value only: nothing can be learnt.", "Check data.target and the row bounds."
)
TARGET_UNUSABLE = _t.warning(
    "TargetUnusable",
    "The target does not fit the estimator's task.",
    "A classifier wants classes, a regressor numbers: choose the other kind of estimator, or another target.",
)
TOO_FEW_ROWS = _t.warning(
    "TooFewRows",
    "Too few rows, or too few of a class, to train and to judge.",
    "Give more rows, or a smaller hold-out.",
)
TIME_COLUMN_MISSING = _t.warning(
    "TimeColumnMissing", "The data has no column of that name.", "Correct data.features.timeColumn."
)
TIME_COLUMN_UNUSABLE = _t.warning(
    "TimeColumnUnusable",
    "The time column holds values that are no times.",
    "Write dates or ISO 8601 texts, or name another column in data.features.timeColumn.",
)
BAD_BOUND = _t.warning(
    "BadBound", "data.train.from or to cannot be compared with the time column.", "Write it as 2013-06-01T00:00:00Z."
)
WEIGHTS_UNUSABLE = _t.warning(
    "WeightsUnusable",
    "Sample weights are missing, negative or not accepted by the estimator.",
    "Correct the column, or remove features.sampleWeightColumn.",
)
ESTIMATOR_UNAVAILABLE = _t.warning(
    "EstimatorUnavailable",
    "The trainer image has not the package or class of the estimator.",
    "Use an estimator of the list in the reference, or another trainer image.",
)
NOT_PACKABLE = _t.warning(
    "NotPackable",
    "The fitted model holds a type that may not be stored.",
    "Models are stored without pickle: use another estimator or parameter, the message names the type.",
)
MODEL_MISSING = _t.warning(
    "ModelMissing",
    "The code of spec.container ended well and left no model.",
    "Let it write model.skops, model.json (XGBoost) or model.txt (LightGBM) into output/ of the folder PERENNIAL_RUN.",
)
MODEL_UNREADABLE = _t.warning(
    "ModelUnreadable",
    "What the code of spec.container left as its model cannot be loaded safely, or does not answer the hold-out.",
    "The message names the type, the classes or the columns: fit on data/train.parquet as it is, save no functions.",
)
RUN_REFITTED = _t.warning(
    "RunRefitted",
    "The model of the run was fitted again on all rows and has seen its hold-out, so it cannot be judged again.",
    "Annotate perennial.dev/retrain=$(date +%s) to train and judge again.",
)
USER_CODE = _t.warning(
    "UserCode",
    "The estimator, or your own code, raised an error.",
    "The message holds its last line, the log at status.failure.logs the rest: correct parameters or code.",
)
TRAINER_FAILED = _t.warning(
    "TrainerFailed",
    "The trainer ended unexpectedly.",
    "It is tried again up to backoffLimit; the log at status.failure.logs shows why.",
)
IMAGE_PULL = _t.warning(
    "ImagePull",
    "The image cannot be pulled.",
    "Check the image's name and template.imagePullSecrets; the message holds the runtime's words.",
)
CONTAINER_CONFIG = _t.warning(
    "ContainerConfig",
    "The container cannot be made: a ConfigMap, Secret or volume is missing.",
    "Create what the message names.",
)
EVICTED = _t.warning(
    "Evicted",
    "The node removed the pod. Such ends do not count against backoffLimit.",
    "Tried again by itself; if it repeats, request the memory and disk that the pod uses.",
)
DEADLINE_EXCEEDED = _t.warning(
    "DeadlineExceeded", "The run took longer than spec.activeDeadlineSeconds.", "Raise it, or train on less."
)
NODE_UNREACHABLE = _t.warning(
    "NodeUnreachable",
    "The pod is on a node that no longer answers.",
    "Bring the node back, or `kubectl delete node NAME` when it is gone for good; then the run goes on elsewhere.",
)
KIND_NOT_SERVED = _t.warning(
    "KindNotServed",
    "The cluster does not know the kind that spec.workload asks for.",
    "Install its controller and CRDs: JobSet, KubeRay or Kubeflow Trainer; it is looked for again every minute.",
)
NO_RUN_PUBLISHED = _t.warning(
    "NoRunPublished",
    "The object of spec.workload completed, and storage holds no run of it.",
    "One container has to end with `python -m perennial.runtime.training.own publish`; its log says what went wrong.",
)
JOB_FAILED = _t.warning(
    "JobFailed",
    "The Job failed, and nothing more is known.",
    "Annotate perennial.dev/retry=$(date +%s) to try again; status.failure.logs says where its log was saved.",
)
TRIALS_FAILED = _t.warning(
    "TrialsFailed",
    "More than half of the trials of a round were lost, so the search has ended early.",
    "The message tells the last one's end: usually memory. Then annotate perennial.dev/retry=$(date +%s): only the "
    "trials without a result are run.",
)
DATA_CHANGED = _t.warning(
    "DataChanged",
    "Objects that a search in parallel began with are gone or changed, so its trials would not be comparable.",
    "Restore them; or annotate perennial.dev/retry=$(date +%s) to search again on what is there.",
)
ENVIRONMENT_CHANGED = _t.warning(
    "EnvironmentChanged",
    "A search in parallel began with other versions of libraries.",
    "Annotate perennial.dev/retry=$(date +%s) to search again with these.",
)
JOB_VANISHED = _t.warning(
    "JobVanished",
    "The Job is gone, and storage holds no result of it.",
    "Annotate perennial.dev/retry=$(date +%s) to try again.",
)
