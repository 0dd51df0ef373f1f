"""Every child that a ModelDeployment should have, from the rollout state. Pure."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from perennial.api.fields import parse_duration, parse_quantity
from perennial.api.records.run import RunRecord
from perennial.api.records.server import (
    FeatureMonitoring,
    PayloadSampling,
    ServerConfig,
    ServerMonitoring,
    ServerSettings,
)
from perennial.desired import serving_revision
from perennial.desired.availability import autoscaler, disruption_budget
from perennial.policy.rollout.shape import Running
from perennial.policy.rollout.state import Revision, RolloutState
from perennial.reconcile.context import Context
from perennial.reconcile.deployment.kept import kept_template
from perennial.reconcile.deployment.observed import Observed
from perennial.reconcile.deployment.plans import NOTHING, Counting, rollout_plan, version_name

NOT_SERVED = frozenset({"report.html", "card.md", "metrics.json", "holdout_predictions.parquet", "logs.txt"})
"""Files of a run that a server has no use for; all others make up the artifact or describe it."""


@dataclass(frozen=True)
class Frame:
    """What the manifests of one look are made from."""

    seen: Observed
    ctx: Context
    runs: Mapping[str, RunRecord]  # by run digest
    counting: Counting = NOTHING

    @property
    def model(self) -> str:
        """Name of the model."""
        return self.seen.deployment.spec.model.name or self.seen.deployment.metadata.name


def manifests(frame: Frame, state: RolloutState, running: tuple[Running, ...]) -> Iterator[dict[str, Any]]:
    """Children in the order in which they are applied: what is pointed at comes before what points."""
    owner = frame.seen.body
    for one in running:
        key = one.revision.key
        template = kept_template(frame.seen, key) or _new_template(frame, one.revision)
        if template is None:
            continue  # its run cannot be read now; what exists is left as it is
        yield serving_revision.rollout_plan(
            owner, key, frame.model, rollout_plan(frame.seen, state, one, frame.counting)
        )
        yield serving_revision.serving_deployment(
            owner, key, frame.model, template, replicas=one.replicas, role=one.role
        )
        yield serving_revision.revision_service(owner, key, frame.model)
    if state.stable is not None:
        yield serving_revision.public_service(owner, state.stable.key, frame.model)
        yield disruption_budget(owner, state.stable.key, frame.model)
    spec = frame.seen.deployment.spec
    if spec.autoscaling is not None and state.stable is not None:
        yield autoscaler(owner, frame.model, spec.autoscaling.model_dump(by_alias=True, exclude_none=True))


def _new_template(frame: Frame, revision: Revision) -> dict[str, Any] | None:
    run = frame.runs.get(revision.run)
    if run is None:
        return None
    spec = frame.seen.deployment.spec
    server, template = spec.server.to_json_dict(), spec.template.to_json_dict() if spec.template else {}
    made = serving_revision.Revision(
        key=revision.key,
        model=frame.model,
        version=revision.version,
        image=revision.image,
        pull_policy=frame.ctx.config.image_pull_policy,
        server_config=json.loads(_config(frame, revision, run).to_json()),
        resources=server.get("resources") or {},
        env=tuple(server.get("env") or ()),
        template=template,
    )
    return serving_revision.pod_template(frame.seen.body, made)


def _config(frame: Frame, revision: Revision, run: RunRecord) -> ServerConfig:
    spec, metadata = frame.seen.deployment.spec, frame.seen.deployment.metadata
    monitoring = spec.monitoring
    window = int(parse_duration(monitoring.window).total_seconds())
    payloads = monitoring.payloads
    return ServerConfig(
        namespace=metadata.namespace,
        deployment=metadata.name,
        deployment_uid=metadata.uid,
        model=frame.model,
        version=version_name(revision),
        revision=revision.key,
        registry=frame.ctx.config.registry,
        model_prefix=f"{run.namespace}/{run.model}",
        run_digest=revision.run,
        artifact_digest=revision.artifact,
        files={name: file for name, file in run.files.items() if name not in NOT_SERVED},
        formats=run.artifact.formats,
        settings=ServerSettings(
            workers=spec.server.workers,
            max_batch_rows=spec.server.max_batch_rows,
            max_request_bytes=int(parse_quantity(spec.server.max_request_bytes)),
            timeout_seconds=spec.server.timeout_seconds,
        ),
        monitoring=ServerMonitoring(
            window_seconds=window,
            # a window shorter than an hour is wanted sooner than every 5 minutes
            flush_seconds=max(1.0, min(300.0, window / 4)),
            features=FeatureMonitoring(max=monitoring.features.max, exclude=list(monitoring.features.exclude)),
            payloads=PayloadSampling(
                sample_rate=payloads.sample_rate,
                exclude=list(payloads.exclude),
                hash=list(payloads.hash),
                max_bytes_per_hour=int(parse_quantity(payloads.max_bytes_per_hour)),
            ),
            score_log=monitoring.labels is not None,
        ),
    )
