"""What Prometheus says about one revision: every query of `spec.rollout.analysis`, asked at once."""

import asyncio
from datetime import datetime

from perennial.api.rollout import PrometheusQuery
from perennial.policy.rollout import Revision, Rules
from perennial.policy.rollout.analysis import SUSTAINED_POINTS, Reading, filled, queries
from perennial.reconcile.context import Context
from perennial.reconcile.prometheus import SECONDS_APART, server_of


async def ask(rules: Rules, revision: Revision, ctx: Context) -> dict[str, Reading]:
    """What each query gives now, by the name of its row."""
    return await _ask(rules, revision, ctx, points=1)


async def ask_since(rules: Rules, revision: Revision, since: datetime, ctx: Context) -> dict[str, Reading]:
    """What each query gave lately, but not before a moment."""
    seconds = (ctx.clock.now() - since).total_seconds()
    return await _ask(rules, revision, ctx, points=max(2, min(SUSTAINED_POINTS, 1 + int(seconds // SECONDS_APART))))


async def _ask(rules: Rules, revision: Revision, ctx: Context, points: int) -> dict[str, Reading]:
    asked = {name: rule.prometheus for name, rule in queries(rules.analysis) if rule.prometheus is not None}
    readings = await asyncio.gather(*(_one(query, revision, ctx, points) for query in asked.values()))
    return dict(zip(asked, readings, strict=True))


async def _one(query: PrometheusQuery, revision: Revision, ctx: Context, points: int) -> Reading:
    server = server_of(ctx.config.prometheus_addresses, query.address)
    if isinstance(server, str):
        return Reading(problem=server)
    text = filled(query.query, version=revision.version, revision_key=revision.key)
    if points == 1:
        return await ctx.prometheus.at(server, text)
    return await ctx.prometheus.over(server, text, points, ctx.clock.now().timestamp())
