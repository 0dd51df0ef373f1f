"""Every read and write that Perennial makes at the API server, one method each.

It knows verbs, preconditions and paging; what an object should look like is decided in desired/.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any
from urllib.parse import quote

from perennial.kube.access import Access
from perennial.kube.drift import APPLIED, applied_hash, holds
from perennial.kube.errors import AlreadyExists, Invalid, NotFound, NotOwned, Replaced
from perennial.kube.resources import MANAGER, Ref, controller_uid, resource_of
from perennial.kube.transport import APPLY, JSON_PATCH, MERGE, Transport

Body = Mapping[str, Any]
PAGE = 500
METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


def _nothing(_: Body) -> None:
    """Default listener."""


class Kube:
    """The API server as the reconcilers see it."""

    def __init__(
        self,
        access: Access,
        *,
        on_write: Callable[[Body], object] = _nothing,
        may_write: Callable[[], None] = lambda: None,
    ):
        """
        Args:
            access: server and credentials.
            on_write: gets the object that a write returned; the cache then knows of it before the watch does.
            may_write: called before every write; ends the process when the Lease has lapsed.
        """
        self.on_write = on_write
        self._http = Transport(access, may_write=may_write)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def get(self, ref: Ref) -> dict[str, Any]:
        """The live object.

        Raises:
            NotFound: there is none.
        """
        return dict(await self._http.json("GET", ref.path(), ref.kind))

    async def pages(
        self, kind: str, namespace: str | None = None, *, labels: str = "", metadata_only: bool = False
    ) -> AsyncIterator[tuple[list[dict[str, Any]], str]]:
        """All objects of a kind, 500 at a time, with the list's resourceVersion.

        Args:
            kind: what to list.
            namespace: None for the whole cluster.
            labels: label selector in Kubernetes' own syntax.
            metadata_only: names, UIDs and versions only: a tenth of the bytes.

        Raises:
            Expired: the list changed too much while it was read; begin again.
        """
        resource = resource_of(kind)
        params = {"limit": str(PAGE)} | ({"labelSelector": labels} if labels else {})
        accept = METADATA_ONLY if metadata_only else "application/json"
        while True:
            page = await self._http.json("GET", resource.path(namespace), kind, params=params, accept=accept)
            meta = page["metadata"]
            yield (
                [{**item, "apiVersion": resource.api_version, "kind": kind} for item in page.get("items") or ()],
                str(meta.get("resourceVersion", "")),
            )
            if not meta.get("continue"):
                return
            params["continue"] = meta["continue"]

    async def list(self, kind: str, namespace: str | None = None, *, labels: str = "") -> list[dict[str, Any]]:
        """All objects of a kind at once; see `pages` for large ones."""
        return [item async for items, _ in self.pages(kind, namespace, labels=labels) for item in items]

    async def create(self, manifest: Body) -> dict[str, Any]:
        """Create an object, or find that we had created it before.

        Raises:
            NotOwned: an object of that name has another controller, or none.
            NamespaceTerminating: its namespace is being deleted.
        """
        ref = Ref.to(manifest)
        path = resource_of(ref.kind).path(ref.namespace or None)
        try:
            live = await self._http.json("POST", path, ref.kind, body=manifest, params={"fieldManager": MANAGER})
        except AlreadyExists as error:
            live = await self.get(ref)
            _refuse_foreign(manifest, live, error)
        self.on_write(live)
        return dict(live)

    async def apply(self, manifest: Body, live: Body | None = None) -> dict[str, Any]:
        """Server-side apply with one field manager, taking over fields that others changed by hand.

        Args:
            manifest: every field that we own; a field left out is given up.
            live: the object as last seen, None when it was not seen: then the server is asked first, for an
                object that we did not make is never adopted.

        Raises:
            NotOwned: the live object has another controller, or none.
            Replaced: the object seen is gone or was made anew.
        """
        ref = Ref.to(manifest)
        if live is None:
            try:
                live = await self.get(ref)
            except NotFound:
                live = None
        uid: dict[str, Any] = {}
        if live is not None:
            _refuse_foreign(manifest, live, None)
            uid = {"uid": live["metadata"]["uid"]}
        meta = manifest["metadata"]
        annotations = {**meta.get("annotations", {}), APPLIED: applied_hash(manifest)}
        body = {**manifest, "metadata": {**meta, **uid, "annotations": annotations}}
        params = {"fieldManager": MANAGER, "force": "true"}
        written = await self._http.json("PATCH", ref.path(), ref.kind, body=body, content_type=APPLY, params=params)
        self.on_write(written)
        return dict(written)

    @staticmethod
    def apply_needed(manifest: Body, live: Body | None) -> bool:
        """Whether an apply would change anything: the manifest is another one, or a field was edited by hand."""
        return live is None or not holds(manifest, live)

    async def delete(self, ref: Ref, uid: str, *, propagation: str = "Background") -> bool:
        """Delete that very object; False when it was gone already.

        Raises:
            Conflict: another object has taken the name.
        """
        body = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": propagation,
            "preconditions": {"uid": uid},
        }
        try:
            await self._http.send("DELETE", ref.path(), ref.kind, body=body)
        except NotFound:
            return False
        return True

    async def patch_status(self, ref: Ref, uid: str, status: Body) -> dict[str, Any]:
        """Put a whole status in the place of the old one, on the object of that UID.

        A JSON patch, because its `test` is a real precondition: a merge patch on the status subresource
        ignores `metadata.uid` silently.

        Raises:
            Replaced: the object has another UID.
            NotFound: it is gone.
        """
        patch = [
            {"op": "test", "path": "/metadata/uid", "value": uid},
            {"op": "add", "path": "/status", "value": status},
        ]
        try:
            live = await self._http.json("PATCH", ref.path("status"), ref.kind, body=patch, content_type=JSON_PATCH)
        except Invalid as error:
            if error.causes:
                raise
            raise Replaced(f"{ref} is no longer the object of UID {uid}", code=error.code) from error
        self.on_write(live)
        return dict(live)

    async def merge_annotations(self, ref: Ref, uid: str, annotations: Mapping[str, str | None]) -> dict[str, Any]:
        """Set (or with None: remove) annotations of an object that we made. Never used on a user's object.

        Raises:
            Invalid: the object has another UID (the API server calls a UID immutable).
        """
        patch = {"metadata": {"uid": uid, "annotations": dict(annotations)}}
        params = {"fieldManager": MANAGER}
        live = await self._http.json("PATCH", ref.path(), ref.kind, body=patch, content_type=MERGE, params=params)
        self.on_write(live)
        return dict(live)

    async def pod_log(self, namespace: str, pod: str, container: str, *, limit_bytes: int, lines: int) -> str:
        """The last lines of a container's log; of these at most the first `limit_bytes`."""
        params = {"container": container, "limitBytes": str(limit_bytes), "tailLines": str(lines)}
        content = await self._http.send("GET", Ref("Pod", namespace, pod).path("log"), "Pod", params=params)
        return content.decode(errors="replace")

    async def raw(self, verb: str, path: str, *, body: Any = None, content_type: str = "application/json") -> Any:
        """Any other path, parsed as JSON: subresources, `/version`. Bodies of writes must be idempotent."""
        return await self._http.json(verb, quote(path, safe="/?=&,:%"), "raw", body=body, content_type=content_type)


def _refuse_foreign(manifest: Body, live: Body, error: AlreadyExists | None) -> None:
    ours, theirs = controller_uid(manifest), controller_uid(live)
    if ours == theirs and ours:
        return
    ref = Ref.to(manifest)
    owner = f"its controller has UID {theirs}" if theirs else "it has no controller"
    raise NotOwned(
        f"{ref} exists and is not ours ({owner}, ours would be {ours or 'none'}); "
        "delete or rename it, or rename the object that needs the name",
        code=409,
        reason="AlreadyExists",
    ) from error
