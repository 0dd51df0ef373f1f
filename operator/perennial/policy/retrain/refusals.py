"""How often challengers of one kind of trigger were refused since they last did not count any more."""

from datetime import datetime

from perennial.policy.retrain.snapshot import PolicySnapshot, TriggerKind


def refusals(policy: PolicySnapshot, trigger: TriggerKind) -> int:
    """Refused runs of this trigger since the last promotion, spec change or reset annotation.

    Not enough evidence never counts, and neither does a failed run: no model was judged. Without a deployment to
    promote in, an approval is the promotion.
    """
    promoted = {"Promoted"} if policy.spec.deployment_ref else {"Promoted", "Approved"}
    ends = [r.started_at for r in policy.runs if r.outcome in promoted]
    since: datetime | None = max([*ends, *([policy.reset_at] if policy.reset_at else [])], default=None)
    counted = [r for r in policy.runs if since is None or r.started_at > since]
    return sum(r.trigger == trigger and r.outcome == "Refused" for r in counted)
