"""The tree of nodes inside a skops file: bounds, children, and the check of every type against the allow-list.

Nothing here imports or constructs what a file names; construct.py does, and only after `audit` has passed.
Format: skops 0.16, protocol 2 (skops.io._protocol).
"""

from collections.abc import Iterator
from typing import Any

from perennial.runtime.artifacts.allowlist import trusted_types
from perennial.runtime.artifacts.errors import HostileArtifact, UntrustedType

type Node = dict[str, Any]

PROTOCOL = 2
MAX_DEPTH = 200
MAX_NODES = 20_000_000


def children(node: Node) -> Iterator[Node]:
    """The nodes right under a node, in the order in which they were written."""
    kind = node.get("__loader__")
    content = node.get("content")
    if kind in ("ListNode", "TupleNode", "SetNode"):
        yield from content or []
    elif kind == "NdArrayNode":
        if node.get("type") == "json":
            yield from content or []
            yield node["shape"]
    elif kind == "DictNode":
        yield node["key_types"]
        yield from (content or {}).values()
    elif kind in ("TreeNode", "LossNode"):
        yield node["__reduce__"]["args"]
        yield node["content"]
    elif kind in ("MaskedArrayNode", "DefaultDictNode", "RandomGeneratorNode"):
        yield from (content or {}).values()
    elif kind in ("ObjectNode", "RandomStateNode", "DTypeNode") and content is not None:
        yield content


def walk(root: Node) -> Iterator[Node]:
    """Every node, parents before children, in the order of writing.

    Raises:
        HostileArtifact: too deep, too many, or not a node at all.
    """
    stack: list[tuple[Any, int]] = [(root, 0)]
    seen = 0
    while stack:
        node, depth = stack.pop()
        seen += 1
        if depth > MAX_DEPTH or seen > MAX_NODES:
            raise HostileArtifact(f"schema.json: more than {MAX_DEPTH} levels or {MAX_NODES} nodes")
        if not isinstance(node, dict):
            raise HostileArtifact(f"schema.json: expected a node, got {type(node).__name__}")
        yield node
        try:
            under = list(children(node))
        except (KeyError, TypeError, AttributeError) as error:
            raise HostileArtifact(f"schema.json: a {node.get('__loader__')} without its parts ({error!r})") from None
        stack.extend((child, depth + 1) for child in reversed(under))


def type_name(node: Node) -> str:
    """`module.class` as the file says it."""
    module, name = node.get("__module__"), node.get("__class__")
    if not isinstance(module, str) or not isinstance(name, str):
        raise HostileArtifact("schema.json: a node without module and class")
    return f"{module}.{name}"


def audit(root: Node) -> None:
    """Check every node of a file against the fixed allow-list, before anything of it is imported.

    Raises:
        UntrustedType: with all names that are not on it.
        HostileArtifact: not a tree of nodes.
    """
    if root.get("protocol") != PROTOCOL or isinstance(root.get("protocol"), bool):
        raise HostileArtifact(f"schema.json: expected protocol {PROTOCOL}, got {root.get('protocol')!r}")
    untrusted: set[str] = set()
    for node in walk(root):
        kind = node.get("__loader__")
        name = type_name(node)
        if not isinstance(kind, str) or name not in trusted_types(kind):
            untrusted.add(f"{name} ({kind})")
    if untrusted:
        raise UntrustedType(sorted(untrusted))
