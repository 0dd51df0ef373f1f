"""What there is to judge a candidate by: counters of both arms, and whether its signature fits."""

from dataclasses import dataclass
from datetime import timedelta

import pydantic

from perennial.api.deployment_status import AnalysisStatus
from perennial.api.records.arms import ArmsReport
from perennial.api.records.run import RunRecord
from perennial.api.records.signature import Signature
from perennial.desired.serving_revision import HTTP_PORT
from perennial.policy.rollout import Candidate, Revision, Rules, Stage
from perennial.policy.rollout.analysis import analyse, gross, watch
from perennial.policy.rollout.arms import arms_of, baking_arms
from perennial.policy.rollout.facts import SHORT, StepVerdict
from perennial.policy.rollout.signature import breaks
from perennial.reconcile.context import Context
from perennial.reconcile.deployment.manifests import rollout_id
from perennial.reconcile.deployment.observed import Observed
from perennial.reconcile.deployment.people import said
from perennial.reconcile.deployment.wanted import run_of
from perennial.reconcile.registries import in_store, registry
from perennial.reconcile.scrape import scrape_all
from perennial.store.errors import StorageError

ARMS = "/perennial/arms"
WATCHED = (Stage.AWAITING, Stage.PROMOTING)


@dataclass(frozen=True)
class Evidence:
    """Everything a look found out about the candidate."""

    verdict: StepVerdict = SHORT
    analysis: tuple[AnalysisStatus, ...] = ()
    signature: str = ""


async def gather(seen: Observed, rules: Rules, ctx: Context) -> Evidence:
    """Evidence about the candidate, or about the new stable revision while it bakes."""
    stable, candidate, previous = seen.state.stable, seen.state.candidate, seen.state.previous
    if stable is None:
        return Evidence()
    if candidate is not None and candidate.stage is Stage.PREPARING:
        return Evidence(signature=await _signature(seen, stable, candidate.revision, ctx))
    if candidate is not None and candidate.stage is Stage.STEPPING:
        return await _step(seen, stable, candidate, rules, ctx)
    if candidate is not None:
        return await _after_steps(seen, stable, candidate, rules, ctx)
    if previous is not None and previous.baking:
        return await _bake(seen, stable, previous.revision, rules, ctx)
    return Evidence()


async def _step(seen: Observed, stable: Revision, candidate: Candidate, rules: Rules, ctx: Context) -> Evidence:
    new, old = await _both(seen, candidate.revision, stable, ctx)
    elapsed = ctx.clock.now() - candidate.since
    least = rules.steps[candidate.step].min_duration if candidate.step < len(rules.steps) else timedelta(0)
    verdict, rows = analyse(
        arms_of(rollout_id(seen.state), old, new),
        rules,
        candidate.step,
        due=elapsed >= least and (not rules.paused or said(seen).promote),
        late=elapsed >= rules.wait_for,
        expected_shift=await _expected_shift(seen, candidate.revision, ctx),
    )
    return Evidence(verdict, tuple(rows))


async def _after_steps(seen: Observed, stable: Revision, candidate: Candidate, rules: Rules, ctx: Context) -> Evidence:
    """The last step's rows stand; only gross harm, which may be looked for at any time, still ends it."""
    rows = tuple(seen.deployment.status.candidate.analysis) if seen.deployment.status.candidate else ()
    if candidate.stage not in WATCHED or candidate.direct:
        return Evidence(analysis=rows)
    new, old = await _both(seen, candidate.revision, stable, ctx)
    return Evidence(gross(arms_of(rollout_id(seen.state), old, new), rules.analysis) or SHORT, rows)


async def _bake(seen: Observed, stable: Revision, previous: Revision, rules: Rules, ctx: Context) -> Evidence:
    new, old = await _both(seen, stable, previous, ctx)
    verdict, rows = watch(baking_arms(rollout_id(seen.state), new, old), rules, {})
    return Evidence(verdict, tuple(rows))


async def _both(seen: Observed, new: Revision, old: Revision, ctx: Context) -> tuple[list[ArmsReport], ...]:
    pods = ([p.ip for p in seen.pods_of(revision.key) if p.ip] for revision in (new, old))
    return tuple([await _reports(ctx, ips) for ips in pods])


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
