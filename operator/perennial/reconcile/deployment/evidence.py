"""What there is to judge a candidate by: counters of both arms, and whether its signature fits."""

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache

import pydantic

from perennial.api.deployment_status import AnalysisStatus, PreviousStatus
from perennial.api.records.arms import ArmsReport
from perennial.api.records.profile import Profile
from perennial.desired.serving_revision import HTTP_PORT
from perennial.policy.rollout import Candidate, Previous, Revision, Rules, Stage
from perennial.policy.rollout.analysis import analyse, gross, mirror_share, score_edges, watch
from perennial.policy.rollout.arms import arms_of, baking_arms
from perennial.policy.rollout.facts import SHORT, StepVerdict
from perennial.policy.rollout.shape import weight
from perennial.reconcile.context import Context
from perennial.reconcile.deployment.observed import Observed
from perennial.reconcile.deployment.plans import NOTHING, Counting, plan_in_force, rollout_id
from perennial.reconcile.deployment.queries import ask, ask_since
from perennial.reconcile.deployment.signatures import FITS, Fit, compare_signatures
from perennial.reconcile.deployment.sources import model_of
from perennial.reconcile.deployment.wanted import run_of
from perennial.reconcile.registries import in_store, registry
from perennial.reconcile.scrape import scrape_all
from perennial.store.errors import StorageError
from perennial.store.registry import Registry

ARMS = "/perennial/arms"
MIRRORED_PART = 1 / 3
"""Evidence should be complete within this part of `waitFor`; else requests are mirrored."""

WATCHED = (Stage.AWAITING, Stage.PROMOTING)


@dataclass(frozen=True)
class Evidence:
    """Everything a look found out about the candidate."""

    verdict: StepVerdict = SHORT
    analysis: tuple[AnalysisStatus, ...] = ()
    signature: Fit = FITS
    counting: Counting = NOTHING


async def gather(seen: Observed, rules: Rules, ctx: Context) -> Evidence:
    """Evidence about the candidate, or about the new stable revision while it bakes."""
    stable, candidate, previous = seen.state.stable, seen.state.candidate, seen.state.previous
    if stable is None:
        return Evidence()
    if candidate is not None and candidate.stage is Stage.PREPARING:
        fit = await compare_signatures(seen, stable, candidate.revision, ctx)
        return Evidence(signature=fit, counting=Counting(edges=await _edges(seen, stable, ctx)))
    if candidate is not None:
        look = _step if candidate.stage is Stage.STEPPING else _after_steps
        found = await look(seen, stable, candidate, rules, ctx)
        return replace(found, counting=await _counting(seen, stable, candidate, rules, found.analysis, ctx))
    if previous is not None and previous.baking:
        return await _bake(seen, stable, previous, rules, ctx)
    return Evidence()


async def _step(seen: Observed, stable: Revision, candidate: Candidate, rules: Rules, ctx: Context) -> Evidence:
    new, old = await _both(seen, candidate.revision, stable, ctx)
    elapsed = ctx.clock.now() - candidate.since
    least = rules.steps[candidate.step].min_duration if candidate.step < len(rules.steps) else timedelta(0)
    verdict, rows = analyse(
        arms_of(rollout_id(seen.state), old, new),
        rules,
        candidate.step,
        due=elapsed >= least and not rules.paused,
        late=elapsed >= rules.wait_for,
        expected_shift=await _expected_shift(seen, candidate.revision, ctx),
        readings=await ask(rules, candidate.revision, ctx),
    )
    return Evidence(verdict, tuple(rows))


async def _counting(
    seen: Observed, stable: Revision, candidate: Candidate, rules: Rules, rows: tuple[AnalysisStatus, ...], ctx: Context
) -> Counting:
    """How requests are counted from now on. Bins stay as they are for as long as they are counted into."""
    rollout, plan = rollout_id(seen.state), plan_in_force(seen, stable.key)
    edges = tuple(plan.prediction_edges) or await _edges(seen, stable, ctx)
    if candidate.stage is not Stage.STEPPING:
        return Counting(rollout, edges=edges)
    health = seen.health([stable.key, candidate.revision.key])
    least = rules.steps[candidate.step].min_duration if candidate.step < len(rules.steps) else timedelta(0)
    level = mirror_share(
        rows,
        weight=weight(candidate, rules),
        in_force=plan.mirror if plan.rollout == rollout else 0.0,
        room=health[candidate.revision.key].ready / max(health[stable.key].ready, 1),
        elapsed=ctx.clock.now() - candidate.since,
        within=max(least, rules.wait_for * MIRRORED_PART),
    )
    return Counting(rollout, level, edges)


async def _edges(seen: Observed, stable: Revision, ctx: Context) -> tuple[float, ...]:
    """The bins of the stable model's reference, for predictions that are no probabilities; none when unknown."""
    model = model_of(seen, stable.key, ctx)
    if model is None or not stable.run:
        return ()
    models = registry(ctx, seen.namespace, model)
    try:
        return await in_store(ctx, lambda: _remembered_edges(models, stable.run))
    except (StorageError, pydantic.ValidationError):
        return ()  # without them predictions are not counted; the next look tries again


@lru_cache(maxsize=512)
def _remembered_edges(models: Registry, run_digest: str) -> tuple[float, ...]:
    run = models.runs.read(run_digest)
    file = run.files.get("profile.json") if run else None
    return score_edges(Profile.from_json(models.runs.content(file))) if file else ()


async def _after_steps(seen: Observed, stable: Revision, candidate: Candidate, rules: Rules, ctx: Context) -> Evidence:
    """The last step's rows stand; only gross harm, which may be looked for at any time, still ends it."""
    rows = tuple(seen.deployment.status.candidate.analysis) if seen.deployment.status.candidate else ()
    if candidate.stage not in WATCHED or candidate.direct:
        return Evidence(analysis=rows)
    new, old = await _both(seen, candidate.revision, stable, ctx)
    return Evidence(gross(arms_of(rollout_id(seen.state), old, new), rules.analysis) or SHORT, rows)


async def _bake(seen: Observed, stable: Revision, previous: Previous, rules: Rules, ctx: Context) -> Evidence:
    new, old = await _both(seen, stable, previous.revision, ctx)
    known = seen.deployment.status.previous or PreviousStatus(revision=previous.revision.key)
    readings = await ask_since(rules, stable, previous.since, ctx)
    verdict, rows = watch(baking_arms(rollout_id(seen.state), new, old), rules, known.baseline, readings)
    edges = tuple(plan_in_force(seen, stable.key).prediction_edges)
    return Evidence(verdict, tuple(rows), counting=Counting(edges=edges))


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
    model = model_of(seen, candidate.key, ctx)
    try:
        run = await run_of(ctx, seen.namespace, model, candidate.run) if model else None
    except StorageError:
        return None
    return run.expected_shift if run else None
