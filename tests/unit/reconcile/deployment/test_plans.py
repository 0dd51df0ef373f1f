"""The plan that pods follow, and the identity of what they count."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from perennial.api import ModelDeployment
from perennial.api.records.server import SERVER_VARIABLE, RolloutPlan, ServerConfig, ServerSettings
from perennial.desired import labels, names, serving_revision
from perennial.policy.rollout import Candidate, Previous, Revision, RolloutState, Rules, Stage, StepRule
from perennial.policy.rollout.shape import shape
from perennial.reconcile.deployment.observed import Observed
from perennial.reconcile.deployment.plans import Counting, plan_in_force, rollout_id, rollout_plan

T0 = datetime(2026, 3, 1, tzinfo=UTC)
ONE = Revision("1" * 64, "sha256:one", "img:1", 1)
TWO = Revision("2" * 64, "sha256:two", "img:1", 2)
RULES = Rules(steps=(StepRule(5), StepRule(50)))
STEPPING = RolloutState(ONE, Candidate(TWO, Stage.STEPPING, T0, T0, step=1))


def observed(*plans: dict[str, Any]) -> Observed:
    body = {
        "apiVersion": "perennial.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": "churn", "namespace": "shop", "uid": "u", "generation": 1},
        "spec": {"model": {"name": "churn"}},
    }
    children = {("ConfigMap", p["metadata"]["name"]): p for p in plans}
    return Observed(body, ModelDeployment.model_validate(body), STEPPING, children, ())


def plans(state: RolloutState, rules: Rules = RULES, counting: Counting | None = None) -> dict[str, RolloutPlan]:
    counting = counting or Counting()
    made = {one.role: rollout_plan(observed(), state, one, counting) for one in shape(state, rules, 2)}
    return {role: RolloutPlan.from_json(json.dumps(plan)) for role, plan in made.items()}


def test_both_arms_count_the_same_rollout_in_the_same_bins_and_only_stable_sends_on() -> None:
    counting = Counting(rollout_id(STEPPING), mirror=25.0, edges=(1.0, 2.0))
    made = plans(STEPPING, counting=counting)
    stable, candidate = made["stable"], made["candidate"]
    assert (stable.rollout, stable.prediction_edges) == (candidate.rollout, candidate.prediction_edges)
    assert (stable.role, stable.weight, stable.mirror, stable.shadow) == ("Stable", 50.0, 25.0, False)
    assert (candidate.role, candidate.weight, candidate.mirror, candidate.candidate_url) == ("Candidate", 0.0, 0.0, "")
    assert stable.candidate_url == f"http://{names.serving_revision('churn', TWO.key)}.shop.svc:80"


def test_a_sticky_header_is_passed_on_with_a_key_that_all_steps_share_and_another_rollout_does_not() -> None:
    seen = observed()
    body = {**seen.body, "spec": {**seen.body["spec"], "rollout": {"stickyHeader": "X-User"}}}
    seen = replace(seen, body=body, deployment=ModelDeployment.model_validate(body))

    def key(state: RolloutState) -> str:
        stable = next(one for one in shape(state, RULES, 2) if one.role == "stable")
        plan = RolloutPlan.from_json(json.dumps(rollout_plan(seen, state, stable, Counting())))
        assert plan.sticky_header == "X-User"
        return plan.sticky_key

    assert STEPPING.candidate is not None
    first = replace(STEPPING, candidate=replace(STEPPING.candidate, step=0))
    later = replace(STEPPING, candidate=replace(STEPPING.candidate, started=T0 + timedelta(days=1)))
    assert key(first) == key(STEPPING) != key(later)


def test_a_candidate_may_take_as_long_as_its_own_servers_were_told_and_what_is_new_as_long_as_the_spec_says() -> None:
    seen = observed()
    assert made_for(seen).candidate_timeout_seconds == 30.0
    longer = {**seen.body, "spec": {**seen.body["spec"], "server": {"timeoutSeconds": 90}}}
    seen = replace(seen, body=longer, deployment=ModelDeployment.model_validate(longer))
    assert made_for(seen).candidate_timeout_seconds == 90.0
    told = ServerConfig(
        namespace="shop",
        deployment="churn",
        model="churn",
        artifact_digest="sha256:two",
        files={},
        settings=ServerSettings(timeout_seconds=45.0),
    )
    container = {"name": "server", "env": [{"name": SERVER_VARIABLE, "value": told.to_json().decode()}]}
    kept = json.dumps({"spec": {"containers": [container]}})
    metadata = {"name": "x", "labels": {labels.REVISION: TWO.key[:8]}, "annotations": {labels.POD_TEMPLATE: kept}}
    seen = replace(seen, children={("Deployment", "x"): {"kind": "Deployment", "metadata": metadata}})
    assert made_for(seen).candidate_timeout_seconds == 45.0


def made_for(seen: Observed) -> RolloutPlan:
    """Stable's plan while version 2 is tried."""
    stable = next(one for one in shape(STEPPING, RULES, 2) if one.role == "stable")
    return RolloutPlan.from_json(json.dumps(rollout_plan(seen, STEPPING, stable, Counting())))


def test_while_it_bakes_the_new_stable_knows_where_the_previous_version_is_and_sends_it_nothing_by_itself() -> None:
    baking = RolloutState(TWO, previous=Previous(ONE, T0, baking=True))
    plan = plans(baking)["stable"]
    assert (plan.candidate_version, plan.weight, plan.mirror) == ("1", 0.0, 0.0)
    assert plan.candidate_url == f"http://{names.serving_revision('churn', ONE.key)}.shop.svc:80"
    assert plan.candidate_grpc == f"{names.serving_revision('churn', ONE.key)}.shop.svc:8081"
    kept = RolloutState(TWO, previous=Previous(ONE, T0, baking=False))
    assert plans(kept)["stable"].candidate_version == ""


def test_a_level_of_mirroring_is_of_one_step_and_does_not_go_over_to_the_next_while_bins_do() -> None:
    before = Counting("2222-the-step-before", mirror=50.0, edges=(1.0,))
    assert (
        plans(STEPPING, counting=before)["stable"].mirror,
        plans(STEPPING, counting=before)["stable"].prediction_edges,
    ) == (0.0, [1.0])


def test_a_shadow_mirrors_its_share_for_comparison_and_more_when_evidence_is_short() -> None:
    shadow = replace(RULES, strategy="Shadow")
    plan = plans(STEPPING, shadow)["stable"]
    assert (plan.weight, plan.mirror, plan.shadow) == (0.0, 50.0, True)
    assert plans(STEPPING, shadow, Counting(rollout_id(STEPPING), mirror=100.0))["stable"].mirror == 100.0


def test_each_step_is_counted_anew_nothing_before_the_first_and_the_bake_apart() -> None:
    assert STEPPING.candidate is not None
    stages = [
        replace(STEPPING, candidate=replace(STEPPING.candidate, stage=stage, step=step))
        for stage, step in [(Stage.STEPPING, 0), (Stage.STEPPING, 1), (Stage.PROMOTING, 1)]
    ]
    first, second, after = (rollout_id(s) for s in stages)
    assert len({first, second}) == 2
    assert second == after
    preparing = replace(STEPPING, candidate=replace(STEPPING.candidate, stage=Stage.PREPARING))
    assert rollout_id(preparing) == ""
    baking = RolloutState(TWO, previous=Previous(ONE, T0, baking=True))
    assert rollout_id(baking) not in {"", first, second}
    assert plans(baking)["previous"].rollout == plans(baking)["stable"].rollout
    assert (plans(baking)["previous"].weight, plans(baking)["previous"].mirror) == (100.0, 0.0)


def test_the_plan_in_force_is_read_back_and_one_that_cannot_be_read_is_none() -> None:
    owner = observed().body
    plan = rollout_plan(
        observed(), STEPPING, shape(STEPPING, RULES, 2)[0], Counting(rollout_id(STEPPING), 25.0, (1.0,))
    )
    written = serving_revision.rollout_plan(owner, ONE.key, "churn", plan)
    assert plan_in_force(observed(written), ONE.key).mirror == 25.0
    assert plan_in_force(observed(), ONE.key) == RolloutPlan()
    broken = {**written, "data": {serving_revision.PLAN_FILE: "{"}}
    assert plan_in_force(observed(broken), ONE.key) == RolloutPlan()
