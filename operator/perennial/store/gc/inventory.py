"""What there is in a namespace's registry and what refers to it, frozen: the input of the plan."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from perennial.store.objects import ObjectInfo


@dataclass(frozen=True, slots=True)
class Live:
    """What Kubernetes objects refer to."""

    runs: frozenset[str] = frozenset()  # run digests, `sha256:<hex>`
    keys: frozenset[str] = frozenset()  # further keys, such as saved logs that a status names
    working: frozenset[str] = frozenset()  # models of trainings that are not over: an attempt may go on with another's
    payloads_kept: Mapping[str, timedelta] = field(default_factory=dict)  # by UID of the ModelDeployment
    labels_delay: Mapping[str, timedelta] = field(default_factory=dict)  # the same; until then scores wait for labels


@dataclass(frozen=True, slots=True)
class RunInventory:
    """One run: all objects of its folder, its verdicts and the pointers that lead to it."""

    digest: str  # sha256:<hex>
    objects: tuple[ObjectInfo, ...]
    evaluations: tuple[ObjectInfo, ...] = ()
    pointers: tuple[ObjectInfo, ...] = ()
    attempt: str = ""  # UID of the winning pod where it was looked up; empty: every attempt is kept


@dataclass(frozen=True, slots=True)
class ModelInventory:
    """One model."""

    model: str
    runs: tuple[RunInventory, ...]
    referred: frozenset[str] = frozenset()  # digests that an alias, or a version that is not Abandoned, names
    logs: tuple[ObjectInfo, ...] = ()


@dataclass(frozen=True, slots=True)
class Inventory:
    """One namespace. What belongs to no known place is not in it, and so is never removed."""

    namespace: str
    models: tuple[ModelInventory, ...] = ()
    windows: tuple[ObjectInfo, ...] = ()
    payloads: tuple[ObjectInfo, ...] = ()
    scores: tuple[ObjectInfo, ...] = ()  # what predictions are joined with labels from
    probes: tuple[ObjectInfo, ...] = ()  # of the whole registry
