"""`perennial gc`: what of a namespace's registry nothing refers to any more; removes it only when told to.

What goes is decided in `store/gc` from what `policy/references` says is referred to.
"""

import asyncio
import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from datetime import datetime

    from perennial.kube.client import Kube
    from perennial.store import ObjectStore
    from perennial.store.gc import Group, Plan, Swept

REFUSED = 64


class Output(StrEnum):
    """How results are printed."""

    text = "text"
    json = "json"


def gc(
    namespace: Annotated[list[str], typer.Option("-n", "--namespace", help="Namespace; may be given repeatedly.")],
    store: Annotated[str, typer.Option(envvar="PERENNIAL_REGISTRY", help="The registry: s3://bucket/prefix.")],
    delete: Annotated[bool, typer.Option("--delete", help="Remove it; without this only tell.")] = False,
    output: Annotated[Output, typer.Option("-o", "--output", help="How to print the result.")] = Output.text,
) -> None:
    """List, and with --delete remove, what no alias, version or living object refers to; nothing younger than 7 days.

    Asks the cluster of the current kubeconfig (or of the pod) which objects live, and touches only what its operator
    has written. Data sets are never touched.
    """
    from perennial.kube.errors import KubeError
    from perennial.store import open_store
    from perennial.store.errors import StorageError
    from perennial.store.gc import sweep

    told = []
    try:
        registry = open_store(store)
        for name in namespace:
            found = asyncio.run(_planned(registry, name))
            told.append((name, sweep(registry, found, dry_run=not delete)))
    except (KubeError, StorageError) as error:
        Console(stderr=True).print(str(error), style="red", markup=False, soft_wrap=True)
        raise typer.Exit(REFUSED) from error
    if output is Output.json:
        typer.echo(json.dumps([as_json(name, swept, deleted=delete) for name, swept in told], indent=2))
    else:
        for name, swept in told:
            _print(Console(), name, swept, deleted=delete)


async def _planned(store: "ObjectStore", namespace: str) -> "Plan":
    from perennial.kube.access import load_access
    from perennial.kube.client import Kube

    kube = Kube(load_access())
    try:
        return await planned(store, namespace, kube, store.clock())
    finally:
        await kube.close()


async def planned(store: "ObjectStore", namespace: str, kube: "Kube", now: "datetime") -> "Plan":
    """What would go of a namespace at a time of the store's clock. Objects are read after storage was.

    Raises:
        StorageOwnedByOther: the registry is not that of the cluster that is asked, whose objects say nothing of it.
        KubeError: the cluster did not answer, or has no such namespace.
        StorageError: storage did not answer, or holds a record that cannot be read.
    """
    from perennial.api.records.owner import OwnerRecord
    from perennial.kube.resources import OWN_KINDS, Ref
    from perennial.policy.references import references
    from perennial.store.gc import collect, plan
    from perennial.store.owner import check_owner

    ours = (await kube.get(Ref("Namespace", "", namespace)))["metadata"]["uid"]
    cluster = (await kube.get(Ref("Namespace", "", "kube-system")))["metadata"]["uid"]
    check_owner(store, OwnerRecord(cluster=cluster, namespace=namespace, namespace_uid=ours))
    inventory = await asyncio.to_thread(collect, store, namespace)
    bodies = [body for kind in OWN_KINDS for body in await kube.list(kind, namespace)]
    return plan(inventory, references(bodies, store.uri, namespace), now)


def as_json(namespace: str, swept: "Swept", *, deleted: bool) -> dict[str, Any]:
    """What `-o json` prints of one namespace."""
    return {
        "namespace": namespace,
        "deleted": deleted,
        "bytes": swept.bytes,
        "groups": [_group(group) for group in swept.removed],
        "spared": [group.what for group in swept.spared],
    }


def _group(group: "Group") -> dict[str, Any]:
    return {
        "what": group.what,
        "why": group.why,
        "newest": group.newest.isoformat(timespec="seconds"),
        "bytes": group.bytes,
        "keys": [o.key for o in group.objects],
    }


def _print(console: Console, namespace: str, swept: "Swept", *, deleted: bool) -> None:
    if swept.removed:
        table = Table("what", "why", "newest", "objects", "bytes")
        for group in swept.removed:
            figures = (f"{group.newest:%Y-%m-%d}", str(len(group.objects)), f"{group.bytes:,}")
            table.add_row(group.what, group.why, *figures)
        console.print(table)
    for group in swept.spared:
        console.print(f"kept after all, for it became a version: {group.what}", highlight=False, soft_wrap=True)
    count = sum(len(group.objects) for group in swept.removed)
    done = f"{count} objects ({swept.bytes:,} bytes) of namespace {namespace}"
    hint = "" if deleted or not count else "; --delete removes them"
    console.print(f"{done} {'are removed' if deleted else 'could go'}{hint}", highlight=False, soft_wrap=True)
