"""New data: what the watched URI holds beyond what the newest run read. A listing; rows are counted by a Job."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from perennial.api.data import TrainSource
from perennial.api.identities import InputObject, data_digest
from perennial.reconcile.context import Context
from perennial.reconcile.registries import in_store, registry
from perennial.store.errors import EmptyDataSet
from perennial.store.inputs import list_inputs


@dataclass(frozen=True, slots=True)
class Listing:
    """What a URI holds now."""

    objects: tuple[InputObject, ...]
    at: datetime

    def digest(self, start: str | None = None, end: str | None = None) -> str:
        """The data digest, with row bounds if there are any."""
        return data_digest(self.objects, start=start, end=end)


class NotAllowed(Exception):
    """The operator's own key must not be used for this URI."""


def source_of(training: Mapping[str, Any], uri: str | None) -> TrainSource:
    """The data that a policy watches: its own URI, or what the training reads."""
    source = TrainSource.model_validate(training["spec"]["data"]["train"])
    return source if uri is None else TrainSource(uri=uri, format=source.format, include=source.include)


async def list_source(source: TrainSource, namespace: str, ctx: Context) -> Listing:
    """List the objects with the operator's own key, below the allowed prefixes only.

    Raises:
        NotAllowed: the URI is outside of them.
        StorageError: storage did not answer.
    """
    prefixes = ctx.config.data_prefixes(namespace)
    if not any(source.uri.startswith(p) for p in prefixes):
        raise NotAllowed(
            f"{source.uri} is below none of the prefixes that the operator may list for namespace {namespace} "
            f"({', '.join(prefixes)}); move the data, or ask for storage.allowedDataPrefixes in the chart"
        )
    try:
        objects = await in_store(ctx, lambda: list_inputs(source.uri, source.include, source.format))
    except EmptyDataSet:
        objects = []
    return Listing(tuple(objects), ctx.clock.now())


async def new_objects(listing: Listing, namespace: str, model: str, run_digest: str | None, ctx: Context) -> int:
    """How many of the listed objects the run did not read (new, or changed); all of them without a run.

    Raises:
        StorageError: storage did not answer.
    """
    if run_digest is None:
        return len(listing.objects)
    models = registry(ctx, namespace, model)
    request = await in_store(ctx, lambda: models.runs.request(run_digest))
    read = {tuple(identity) for identity in request.objects} if request else set()
    return sum(tuple(o.identity) not in read for o in listing.objects)
