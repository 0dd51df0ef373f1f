"""Brake: a retrain after an alarm must contain what it is for."""

from datetime import datetime

from perennial.api.reasons import retraining
from perennial.policy.retrain.finding import Finding, free, held
from perennial.policy.retrain.snapshot import PolicySnapshot, TriggerKind

FEWEST = 1000
SHARE = 0.05


def new_labels(policy: PolicySnapshot, trigger: TriggerKind, now: datetime) -> Finding:
    """Holds drift and performance until enough labelled rows lie after the onset: half to learn, half to judge."""
    if trigger not in ("Drift", "Performance"):
        return free(retraining.NEW_LABELS, f"trigger {trigger} needs no labels after an onset")
    needed, facts = labels_needed(policy), policy.labels
    if needed == 0:
        return free(retraining.NEW_LABELS, "brakes.minNewLabelledRows is 0")
    if not facts.countable:
        return free(
            retraining.NEW_LABELS, "the training names no time column, so no row lies after the onset; not awaited"
        )
    if facts.rows is None and facts.trouble:
        return held(retraining.NEW_LABELS, f"labelled rows after the onset could not be counted: {facts.trouble}")
    if facts.rows is None:
        return held(retraining.NEW_LABELS, f"labelled rows after the onset are being counted; {needed} are needed")
    if facts.rows < needed:
        return held(retraining.NEW_LABELS, f"{facts.rows} labelled rows lie after the onset, {needed} are needed")
    return free(retraining.NEW_LABELS, f"{facts.rows} labelled rows lie after the onset, {needed} are needed")


def labels_needed(policy: PolicySnapshot) -> int:
    """As written; `auto`: max(1,000, 5 % of the newest run's rows)."""
    written = policy.spec.brakes.min_new_labelled_rows
    return max(FEWEST, round(SHARE * policy.run_rows)) if written == "auto" else int(written)
