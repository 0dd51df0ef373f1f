"""Stage 1, resolve: list the inputs, compute data and run digest, freeze the request. Nothing later reads "latest"."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from perennial.api.identities import InputObject, data_digest, run_digest
from perennial.api.records.run import FrozenRequest
from perennial.api.records.task import Task
from perennial.runtime.training import environment
from perennial.runtime.training.failures import DataRefused
from perennial.runtime.training.request import Request
from perennial.store.inputs import Inputs, find_inputs

DATA_PREFIX = "PERENNIAL_DATA_"
"""Put before the variables of `data.secretRef`, so that they never mix with the registry's."""

HOLDOUT_MARK = "holdout:"
"""Put before the keys of a separate hold-out in the manifest, so that moving a row there changes the digest."""


@dataclass(frozen=True)
class Resolved:
    """What a run will read and what it will be called."""

    train: Inputs
    holdout: Inputs | None
    data_digest: str
    run_digest: str
    environment_digest: str
    versions: dict[str, str]


def resolve(task: Task, request: Request, frozen: FrozenRequest | None = None) -> Resolved:
    """Name the run before anything is read.

    Args:
        frozen: what this run was begun with: of the objects that are there now only those are taken.

    Raises:
        DataRefused: the data is not the pinned one, or an estimator's package is missing here.
        StorageError: storage does not answer, or nothing matches.
    """
    held, access = request.holdout.uri, data_access(os.environ)
    include, kind = request.train.include, request.train.format
    train = find_inputs(request.train.uri, include, kind, access)
    holdout = find_inputs(held, include, kind, access) if held else None
    if frozen is not None:
        train = _among(train, frozen.objects)
        holdout = _among(holdout, frozen.holdout) if holdout else None
    _check_pin(request, train.objects)
    data = data_digest([*train.objects, *_marked(holdout)], start=request.train.start, end=request.train.end)
    bayesian = request.search is not None and request.search.strategy == "bayesian"
    versions = environment.distributions(request.estimators, bayesian=bayesian)
    executes = environment.digest(versions)
    digest = run_digest(
        request.normalised, model=task.model, data=data, environment=executes, code_revision=task.code_revision
    )
    return Resolved(train, holdout, data, digest, executes, versions)


def data_access(env: Mapping[str, str]) -> dict[str, str] | None:
    """The AWS_* variables of `data.secretRef`, and nothing of the registry's; None where no secret is named."""
    found = {k.removeprefix(DATA_PREFIX): v for k, v in env.items() if k.startswith(DATA_PREFIX)}
    return found or None


def _among(inputs: Inputs, identities: Sequence[Sequence[Any]]) -> Inputs:
    wanted = {tuple(identity) for identity in identities}
    return replace(inputs, objects=tuple(o for o in inputs.objects if tuple(o.identity) in wanted))


def _check_pin(request: Request, train: Sequence[InputObject]) -> None:
    """The pin is over the training objects and the row bounds: what a listing and a spec say."""
    if request.train.digest is None:
        return
    found = data_digest(train, start=request.train.start, end=request.train.end)
    if found != request.train.digest:
        raise DataRefused(
            f"data.train.digest pins {request.train.digest}, but {request.train.uri} now holds {found} "
            f"({len(train)} objects); restore the objects, or pin the digest of what is there",
            reason="DigestMismatch",
        )


def _marked(holdout: Inputs | None) -> list[InputObject]:
    return [replace(o, key=HOLDOUT_MARK + o.key) for o in holdout.objects] if holdout else []
