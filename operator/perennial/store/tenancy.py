"""Which storage key may do what: AWS-style policies a role and namespace, and the embedded server's configuration.

Pure; makes no keys and talks to nobody. The embedded SeaweedFS is given the very policies that AWS would be given.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Role = Literal["operator", "trainer", "server"]
TENANT_ROLES: tuple[Role, ...] = ("trainer", "server")
REGISTRY = "registry"
DATASETS = "datasets"
ADMIN = "admin"
"""The embedded server's identity that makes the bucket; no pod of ours keeps it."""
EVERYTHING = ("Admin", "Read", "Write", "List", "Tagging")

_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A pair of S3 keys; the secret is never shown."""

    access: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Reach:
    """What a role reaches, as key patterns of one bucket."""

    read: tuple[str, ...]
    write: tuple[str, ...]
    delete: tuple[str, ...] = ()
    never: tuple[str, ...] = ()  # wins over write and delete


def identity_name(role: Role, namespace: str = "") -> str:
    """How a role's identity and its policy are called: `operator`, `trainer-<namespace>`, `server-<namespace>`."""
    return role if role == "operator" else f"{role}-{namespace}"


def iam_policy(role: Role, namespace: str, bucket: str) -> dict[str, Any]:
    """The policy document of a role, as AWS reads it. `namespace` is unused for the operator, who serves all.

    Raises:
        ValueError: the namespace is no DNS label, so that it could reach others as a pattern.
    """
    if role != "operator" and not _NAMESPACE.fullmatch(namespace):
        raise ValueError(f"{namespace!r} is no namespace: expected a DNS label of at most 63 characters")
    reach = _reach(role, namespace)
    statements = [
        _allow(["s3:GetObject"], _objects(bucket, reach.read)),
        _allow(["s3:PutObject", "s3:AbortMultipartUpload"], _objects(bucket, reach.write)),
        _allow(["s3:ListBucket"], [f"arn:aws:s3:::{bucket}"])
        | {"Condition": {"StringLike": {"s3:prefix": [*reach.read]}}},
    ]
    if reach.delete:
        statements.append(_allow(["s3:DeleteObject"], _objects(bucket, reach.delete)))
    if reach.never:
        denied = _allow(["s3:PutObject", "s3:DeleteObject"], _objects(bucket, reach.never))
        statements.append(denied | {"Effect": "Deny"})
    return {"Version": "2012-10-17", "Statement": statements}


def seaweed_identities(
    tenants: Iterable[str], keys: Mapping[str, AccessKey], bucket: str = "perennial"
) -> dict[str, Any]:
    """The embedded server's s3.json: an administrator, the operator, and a trainer and a server of each namespace.

    Args:
        tenants: namespaces.
        keys: by `identity_name`, and of `admin`.
        bucket: the one that all of them reach into.

    Raises:
        KeyError: a key is missing.
        ValueError: a tenant is no namespace, or one access key stands for two identities.
    """
    roles: list[tuple[Role, str]] = [("operator", "")]
    roles += [(role, namespace) for namespace in sorted(set(tenants)) for role in TENANT_ROLES]
    used = [keys[name].access for name in (ADMIN, *(identity_name(*one) for one in roles))]
    if len(set(used)) < len(used):
        raise ValueError("one access key stands for two identities; every identity needs its own")
    names = {identity_name(role, namespace): iam_policy(role, namespace, bucket) for role, namespace in roles}
    return {
        "identities": [
            {"name": ADMIN, "credentials": [_credential(keys[ADMIN])], "actions": [*EVERYTHING]},
            *({"name": n, "credentials": [_credential(keys[n])], "policyNames": [n]} for n in names),
        ],
        "policies": [{"name": name, "content": json.dumps(policy)} for name, policy in names.items()],
    }


def _reach(role: Role, namespace: str) -> _Reach:
    ours = f"{REGISTRY}/{namespace}"
    beside = (f"{ours}/_windows/*", f"{ours}/_payloads/*")
    match role:
        case "operator":
            return _Reach((f"{REGISTRY}/*", f"{DATASETS}/*"), (f"{REGISTRY}/*",), (f"{REGISTRY}/*",))
        case "trainer":
            runs = f"{ours}/*/runs/*"
            return _Reach(
                # Windows and payloads: labels are joined to them in trainer pods.
                (f"{DATASETS}/{namespace}/*", runs, *beside),
                (runs,),
                (f"{runs}/checkpoint/*",),
                # A run's version number is under its run, and yet the operator's to say.
                (f"{runs}/version.json",),
            )
        case "server":
            return _Reach((f"{ours}/*",), beside)


def _allow(actions: list[str], resources: list[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resources}


def _objects(bucket: str, patterns: Iterable[str]) -> list[str]:
    return [f"arn:aws:s3:::{bucket}/{pattern}" for pattern in patterns]


def _credential(key: AccessKey) -> dict[str, str]:
    return {"accessKey": key.access, "secretKey": key.secret}
