"""What there is to judge a candidate by: counters of both arms, and whether its signature fits."""

from dataclasses import dataclass

import pydantic

from perennial.api.deployment_status import AnalysisStatus
from perennial.api.records.arms import ArmsReport
from perennial.api.records.run import RunRecord
from perennial.api.records.signature import Signature
from perennial.desired.serving_revision import HTTP_PORT
from perennial.policy.rollout import Revision, Rules, Stage
from perennial.policy.rollout.analysis import analyse
from perennial.policy.rollout.arms import Arms, arms_of
from perennial.policy.rollout.facts import SHORT, StepVerdict
from perennial.policy.rollout.signature import breaks
from perennial.reconcile.context import Context
from perennial.reconcile.deployment.manifests import rollout_id
from perennial.reconcile.deployment.observed import Observed
from perennial.reconcile.deployment.wanted import run_of
from perennial.reconcile.registries import in_store, registry
from perennial.reconcile.scrape import scrape_all
from perennial.store.errors import StorageError

ARMS = "/perennial/arms"
WATCHED = (Stage.STEPPING, Stage.AWAITING, Stage.PROMOTING)


@dataclass(frozen=True)
class Evidence:
    """Everything a look found out about the candidate."""

    verdict: StepVerdict = SHORT
    analysis: tuple[AnalysisStatus, ...] = ()
    signature: str = ""


async def gather(seen: Observed, rules: Rules, ctx: Context) -> Evidence:
    """Evidence about the candidate, or about the new stable revision while it bakes."""
    state = seen.state
    candidate = state.candidate
    if state.stable is None or (candidate is None and not (state.previous and state.previous.baking)):
        return Evidence()
    if candidate is not None and candidate.stage is Stage.PREPARING:
        return Evidence(signature=await _signature(seen, state.stable, candidate.revision, ctx))
    if candidate is not None and candidate.stage in WATCHED:
        arms = await _arms(seen, state.stable, candidate.revision, ctx)
        shift = await _expected_shift(seen, candidate.revision, ctx)
        verdict, rows = analyse(arms, rules, candidate.step, expected_shift=shift)
        return Evidence(verdict, tuple(rows))
    return Evidence()


async def _arms(seen: Observed, stable: Revision, candidate: Revision, ctx: Context) -> Arms:
    reports = {
        revision.key: await _reports(ctx, [p.ip for p in seen.pods_of(revision.key) if p.ip])
        for revision in (stable, candidate)
    }
    return arms_of(rollout_id(seen.state), reports[stable.key], reports[candidate.key])


async def _reports(ctx: Context, ips: list[str]) -> list[ArmsReport]:
    reports = []
    for body in await scrape_all(ctx, ips, HTTP_PORT, ARMS):
        try:
            reports.append(ArmsReport.from_json(body))
        except pydantic.ValidationError:
            continue  # a pod of another release; its counts are missing, not wrong
    return reports


async def _expected_shift(seen: Observed, candidate: Revision, ctx: Context) -> float | None:
    model = seen.deployment.spec.model.name
    try:
        run = await run_of(ctx, seen.namespace, model, candidate.run) if model else None
    except StorageError:
        return None
    return run.expected_shift if run else None


async def _signature(seen: Observed, stable: Revision, candidate: Revision, ctx: Context) -> str:
    """Why the candidate refuses requests that stable accepts; empty when it does not, or when it cannot be told."""
    model = seen.deployment.spec.model.name
    if model is None:
        return ""
    try:
        runs = [await run_of(ctx, seen.namespace, model, r.run) for r in (stable, candidate)]
        signatures = [await _read(seen, model, run, ctx) for run in runs]
    except StorageError as error:
        return f"the signatures could not be compared: {error}"
    before, after = signatures
    return breaks(before, after) if before and after else ""


async def _read(seen: Observed, model: str, run: RunRecord | None, ctx: Context) -> Signature | None:
    file = run.files.get("signature.json") if run else None
    if file is None:
        return None
    models = registry(ctx, seen.namespace, model)
    return Signature.from_json(await in_store(ctx, lambda: models.runs.content(file)))
