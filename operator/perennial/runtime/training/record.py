"""run.json of a finished run, put together from what the stages measured. Pure but for the clock passed in."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from perennial.api.records.run import Artifact, DataFacts, RunRecord, StoredFile
from perennial.runtime.training import environment
from perennial.runtime.training.context import Context
from perennial.runtime.training.evaluate import Evaluated
from perennial.runtime.training.fetch import Fetched
from perennial.runtime.training.preprocess import Prepared
from perennial.runtime.training.refine import Chosen
from perennial.runtime.training.resolve import Resolved
from perennial.runtime.training.split import Split
from perennial.runtime.training.validate import Validated


@dataclass(frozen=True)
class Stages:
    """What each stage before packaging handed on."""

    resolved: Resolved
    fetched: Fetched
    validated: Validated
    split: Split
    prepared: Prepared
    chosen: Chosen
    evaluated: Evaluated

    @property
    def warnings(self) -> list[str]:
        """Of all stages, each once, in order."""
        parts = (self.validated.warnings, self.prepared.warnings, self.chosen.warnings, self.evaluated.warnings)
        return list(dict.fromkeys(warning for part in parts for warning in part))


def run_record(
    context: Context, stages: Stages, artifact: Artifact, files: Mapping[str, StoredFile], now: datetime
) -> RunRecord:
    """The whole record."""
    task, evaluated = context.task, stages.evaluated
    return RunRecord(
        run_digest=stages.resolved.run_digest,
        run_key=task.run_key,
        namespace=task.namespace,
        model=task.model,
        data=data_facts(context, stages),
        environment_digest=stages.resolved.environment_digest,
        environment=environment.record(stages.resolved.versions),
        code_revision=task.code_revision,
        seed=context.request.seed,
        task=stages.prepared.signature.task,
        attempt=context.attempt,
        files=dict(files),
        artifact=artifact,
        metrics=evaluated.metrics,
        slices=evaluated.slices,
        comparisons=evaluated.comparisons,
        champion=task.champion.run_digest if task.champion else None,
        expected_shift=evaluated.expected_shift,
        alert_rate=evaluated.alert_rate,
        contamination=contamination(stages.chosen),
        importances=evaluated.importances,
        chosen={**stages.chosen.summary, "refit": context.request.refit},
        warnings=stages.warnings,
        cost=context.accounting.cost(),
        timings=dict(context.clock.timings),
        created_at=iso(now),
    )


def data_facts(context: Context, stages: Stages) -> DataFacts:
    """What was read and how it was divided."""
    split, fetched, resolved = stages.split, stages.fetched, stages.resolved
    objects = len(resolved.train.objects) + (len(resolved.holdout.objects) if resolved.holdout else 0)
    start, end = _span(split.moments)
    train_end = _span(None if split.moments is None else split.moments[split.train])[1]
    return DataFacts(
        digest=resolved.data_digest,
        rows=stages.validated.table.num_rows,
        bytes=fetched.bytes,
        columns=fetched.columns,
        objects=objects,
        start=start,
        end=end,
        train_rows=len(split.train),
        holdout_rows=len(split.holdout),
        holdout_digest=split.holdout_digest,
        train_end=train_end,
        refit_end=end if context.request.refit == "all" else train_end,
        dropped_rows=stages.validated.dropped,
    )


def contamination(chosen: Chosen) -> float | None:
    """The share of outliers that the design expects, where it has such a number."""
    value = chosen.design.parameters.get("contamination")
    return float(value) if isinstance(value, int | float) else None


def iso(moment: datetime) -> str:
    """ISO 8601, UTC, seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _span(moments: np.ndarray | None) -> tuple[str | None, str | None]:
    if moments is None:
        return None, None
    known = moments[~np.isnat(moments)]
    if not len(known):
        return None, None
    low, high = (np.datetime_as_string(m, unit="us") + "Z" for m in (known.min(), known.max()))
    return str(low), str(high)
