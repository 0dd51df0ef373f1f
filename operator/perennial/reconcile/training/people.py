"""What people say about a pending version: the annotations perennial.dev/approve and perennial.dev/refuse.

Their form is `<version> <user> <reason …>`. The chart's ValidatingAdmissionPolicy sees to it that the user is the
requester and may approve; without it the status says `unverified`.
"""

from dataclasses import dataclass
from typing import Literal

from perennial.api.fields import format_time, parse_time
from perennial.api.group import APPROVE, REFUSE
from perennial.reconcile.context import Context
from perennial.reconcile.followers import is_followed
from perennial.reconcile.registries import in_store, registry
from perennial.reconcile.training.conclusion import settle_run
from perennial.reconcile.training.observed import Observed
from perennial.reconcile.training.outcome import Target, move
from perennial.reconcile.training.remeasure import remeasure
from perennial.reconcile.training.report import transition
from perennial.store.registry import Registry


@dataclass(frozen=True, slots=True)
class Word:
    """A person's word about a version."""

    state: Literal["Approved", "Refused"]
    version: int
    user: str
    reason: str


def words(annotations: dict[str, str]) -> list[Word]:
    """The well-formed words among an object's annotations."""
    said: list[Word] = []
    for key, state in ((APPROVE, "Approved"), (REFUSE, "Refused")):
        version, _, rest = annotations.get(key, "").strip().partition(" ")
        user, _, reason = rest.strip().partition(" ")
        if version.isdigit() and user:
            said.append(Word("Approved" if state == "Approved" else "Refused", int(version), user, reason.strip()))
    return said


async def hear(seen: Observed, ctx: Context) -> None:
    """Carry out a word about this object's pending version, once."""
    version, run = seen.training.status.version, seen.training.status.run
    if version is None or version.state != "Pending" or run is None or run.digest is None:
        return
    word = next((w for w in words(seen.training.metadata.annotations) if w.version == version.number), None)
    if word is None:
        return
    models = registry(ctx, seen.namespace, seen.training.model)
    now = ctx.clock.now()
    at = format_time(now.replace(microsecond=0))
    start = seen.training.status.start_time
    started = format_time(parse_time(start)) if start else at
    target = Target(word.version, run.digest, f"{transition(seen)}/{word.state}", started)
    followed = is_followed(ctx.cache, seen.namespace, seen.training.model)
    await in_store(ctx, lambda: _carry_out(models, word, target, at, followed=followed))
    digest = run.digest
    record = await in_store(ctx, lambda: models.runs.read(digest))
    if record is not None:
        await settle_run(seen, await remeasure(seen, record, ctx), ctx)


def _carry_out(models: Registry, word: Word, target: Target, at: str, *, followed: bool) -> None:
    models.versions.set_state(
        word.version, word.state, reasons=[f"{word.state}ByPerson"], at=at, message=word.reason, by=word.user
    )
    if word.state == "Approved":
        move(models, target, at, followed=followed)
