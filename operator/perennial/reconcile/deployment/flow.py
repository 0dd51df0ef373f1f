"""One look at a ModelDeployment: observe, decide, write the status, then bring the cluster to it.

The status is written before the cluster is changed, for the manifests follow from it alone: a crash in between is
mended by the next look.
"""

from dataclasses import replace

import pydantic

from perennial.api.records.run import RunRecord
from perennial.policy.rollout import Facts, Move, Revision, RolloutState, Rules, Wanted, advance
from perennial.policy.rollout.shape import Running, shape
from perennial.policy.rollout.sizing import full_size, held_back
from perennial.reconcile.context import Context, Key
from perennial.reconcile.deployment import report
from perennial.reconcile.deployment.champion import settle_champion
from perennial.reconcile.deployment.cluster import bring_about
from perennial.reconcile.deployment.evidence import Evidence, gather
from perennial.reconcile.deployment.manifests import Frame, manifests
from perennial.reconcile.deployment.observed import Observed, observe
from perennial.reconcile.deployment.people import Said, said
from perennial.reconcile.deployment.restored import restored_stable
from perennial.reconcile.deployment.routing import look_again, settle_route
from perennial.reconcile.deployment.sources import model_of
from perennial.reconcile.deployment.wanted import run_of, wanted
from perennial.reconcile.invalid import report_invalid
from perennial.store.errors import StorageError


async def reconcile(key: Key, ctx: Context) -> float | None:
    """Look at one ModelDeployment.

    Returns:
        Seconds until the next look, None when only events matter.
    """
    body = ctx.cache.get(key.kind, key.namespace, key.name)
    if body is None or "deletionTimestamp" in body["metadata"]:
        return None
    try:
        seen = observe(body, ctx.cache)
    except pydantic.ValidationError as error:
        await report_invalid(body, error, ctx)
        return None
    if seen.state.stable is None:
        seen = replace(seen, state=replace(seen.state, stable=restored_stable(seen)))
    rules = Rules.of(seen.deployment.spec.rollout)
    want = await wanted(seen.deployment, seen.state, ctx)
    evidence = await gather(seen, rules, ctx)
    words = said(seen, want)
    move, running = _decide(seen, want, evidence, words, rules, ctx)
    routing = await settle_route(seen, ctx)
    await report.write(seen, move, words, routing, rules, evidence, ctx)
    runs = await _runs(seen, move.state, ctx)
    await bring_about(seen, manifests(Frame(seen, ctx, runs, evidence.counting), move.state, running), running, ctx)
    await settle_champion(seen, move.state, ctx)
    waits = (move.check_after, look_again(seen, routing, ctx.clock.now()))
    return min((wait.total_seconds() for wait in waits if wait is not None), default=None)


def _decide(
    seen: Observed, want: Wanted, evidence: Evidence, words: Said, rules: Rules, ctx: Context
) -> tuple[Move, tuple[Running, ...]]:
    state, now = words.state, ctx.clock.now()
    size = full_size(seen.deployment.spec.replicas, _running(seen, state.stable), state, now)
    facts = Facts(
        wanted=want,
        size=size.replicas,
        health=seen.health(_keys(state)),
        verdict=evidence.verdict,
        signature=evidence.signature.changed,
        signature_unread=evidence.signature.unread,
        signature_accepted=words.signature_accepted,
        promote=words.heard.promote,
        rollback=words.rollback,
    )
    move = held_back(advance(state, facts, rules, now), size, now)
    return move, shape(move.state, rules, size.replicas)


def _running(seen: Observed, stable: Revision | None) -> int | None:
    live = seen.deployment_of(stable.key[:8]) if stable else None
    return live["spec"].get("replicas") if live else None


def _keys(state: RolloutState) -> list[str]:
    revisions = [state.stable]
    revisions.append(state.candidate.revision if state.candidate else None)
    revisions.append(state.previous.revision if state.previous else None)
    return [r.key for r in revisions if r is not None]


async def _runs(seen: Observed, state: RolloutState, ctx: Context) -> dict[str, RunRecord]:
    """Run records of the revisions that have no Deployment yet; only those need one."""
    runs: dict[str, RunRecord] = {}
    candidate = state.candidate.revision if state.candidate else None
    for revision in (state.stable, candidate, state.previous.revision if state.previous else None):
        if revision is None or not revision.run or seen.deployment_of(revision.key[:8]) is not None:
            continue
        model = model_of(seen, revision.key, ctx)
        if model is None:
            continue
        try:
            run = await run_of(ctx, seen.namespace, model, revision.run)
        except StorageError:
            continue
        if run is not None:
            runs[revision.run] = run
    return runs
