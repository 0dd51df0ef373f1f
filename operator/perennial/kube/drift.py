"""Does the live object still hold what was applied? Pure comparison; the apply itself is in kube/client.py.

The hash of the manifest tells that we want something else (also: fewer fields) than we last applied; containment
tells that somebody changed a field by hand. Defaults that the server fills in are not a difference.
"""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from perennial.api.identities import bare, digest_of

APPLIED = "perennial.dev/applied"
"""Annotation on every applied child: hash of the manifest it was made from."""

MERGE_KEYS: Mapping[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "env": ("name",),
    "volumes": ("name",),
    "volumeMounts": ("mountPath",),
    "imagePullSecrets": ("name",),
    "ownerReferences": ("uid",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
}
"""Lists that the API server merges by key (`x-kubernetes-list-map-keys`): others may have added items."""

QUANTITIES = frozenset({"limits", "requests", "sizeLimit", "averageValue", "divisor", "hard"})
"""Fields (or maps of fields) whose values the API server may rewrite: `1000m` comes back as `1`."""

_QUANTITY = re.compile(r"([+-]?[0-9.]+)(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]|[eE][+-]?[0-9]+)?\Z")
_SUFFIX: Mapping[str, Decimal] = {
    **{s: Decimal(1024) ** n for n, s in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), 1)},
    **{s: Decimal(1000) ** n for n, s in enumerate(("k", "M", "G", "T", "P", "E"), 1)},
    **{s: Decimal(1000) ** -n for n, s in enumerate(("m", "u", "n"), 1)},
}


def applied_hash(manifest: Mapping[str, Any]) -> str:
    """32 hex of a manifest: short enough for an annotation, long enough never to repeat."""
    return bare(digest_of(manifest))[:32]


def holds(manifest: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
    """Whether the live object was made from this manifest and still has every field of it."""
    annotations = live.get("metadata", {}).get("annotations") or {}
    return annotations.get(APPLIED) == applied_hash(manifest) and contains(manifest, live)


def contains(desired: Any, live: Any, field: str = "", *, quantity: bool = False) -> bool:
    """Whether every field of `desired` is in `live` with an equal value; `live` may have more.

    Args:
        desired: any JSON value.
        live: the value at the same place in the live object; None where there is none.
        field: the name of the field that holds both.
        quantity: the values are quantities (`500m`, `1Gi`) and compare by amount.
    """
    if not desired and not isinstance(desired, str) and not live:
        return True  # null, {}, [], 0 and false are left out by the server
    if isinstance(desired, Mapping):
        if not isinstance(live, Mapping):
            return False
        inner = quantity or field in QUANTITIES
        return all(contains(v, live.get(k), k, quantity=inner or k in QUANTITIES) for k, v in desired.items())
    if isinstance(desired, Sequence) and not isinstance(desired, str):
        return isinstance(live, Sequence) and not isinstance(live, str) and _contains_list(desired, live, field)
    if desired == "" and live is None:
        return True
    if quantity and live is not None:
        return same_quantity(desired, live)
    return bool(desired == live)


def _contains_list(desired: Sequence[Any], live: Sequence[Any], field: str) -> bool:
    keys = MERGE_KEYS.get(field)
    if keys is None:
        return len(desired) == len(live) and all(contains(d, v) for d, v in zip(desired, live, strict=True))
    by_key = {tuple(item.get(k) for k in keys): item for item in live}
    return all(contains(item, by_key.get(tuple(item.get(k) for k in keys))) for item in desired)


def same_quantity(one: Any, other: Any) -> bool:
    """Whether two quantities are the same amount; values that are none compare as they stand."""
    if one == other:
        return True
    a, b = _amount(one), _amount(other)
    return a is not None and a == b


def _amount(value: Any) -> Decimal | None:
    match = _QUANTITY.match(str(value))
    if match is None:
        return None
    number, suffix = match.groups()
    try:
        if suffix and suffix not in _SUFFIX:
            return Decimal(number + suffix)
        return Decimal(number) * _SUFFIX.get(suffix or "", Decimal(1))
    except ArithmeticError:
        return None
