"""Generates what the chart says about its values: values.schema.json (strict) and the table in its README.

The comments above each value in values.yaml are the documentation; types are those of the defaults.
"""

import json
import re
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).resolve().parent.parent / "charts" / "perennial"
OPEN = {"resources", "tolerations", "affinity", "nodeSelector", "podLabels", "podAnnotations"}
OPEN |= {"tenantServiceAccountAnnotations", "requests", "limits"}
LABEL = {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"}
DIGEST = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}
IMAGES = ("operator", "trainer", "server", "s3")
# What a default alone does not tell: added to the schema of the value at that path.
KNOWN: dict[str, dict[str, Any]] = {
    "image.pullPolicy": {"enum": ["Always", "IfNotPresent", "Never"]},
    "image.digests": {"additionalProperties": False, "properties": dict.fromkeys(IMAGES, DIGEST)},
    "operator.replicas": {"minimum": 1},
    "operator.workers": {"minimum": 1},
    "operator.watchNamespaces": {"items": LABEL, "uniqueItems": True},
    "operator.env": {"items": {"type": "object"}},
    "operator.tolerations": {"items": {"type": "object"}},
    "storage.bucket": {"pattern": "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"},
    "storage.prefix": {"pattern": "^[^/].*[^/]$"},
    "storage.endpoint": {"pattern": "^(https?://.*[^/])?$"},
    "storage.tenants": {"items": LABEL, "uniqueItems": True},
    "s3.size": {"pattern": "^([0-9]+(Mi|Gi|Ti))?$"},
    # Every tenant holds a function of it, so a short one could be guessed.
    "s3.rootKey": {"pattern": "^(.{24,})?$"},
}
TYPES = {bool: "boolean", int: "integer", str: "string", float: "number"}


def schema_of(value: Any, path: str = "") -> dict[str, Any]:
    """A strict JSON schema for a default value: unknown keys are typos."""
    if isinstance(value, dict):
        made: dict[str, Any] = {"type": "object"}
        if path.rpartition(".")[2] not in OPEN:
            made["additionalProperties"] = False
            made["properties"] = {k: schema_of(v, f"{path}.{k}" if path else k) for k, v in value.items()}
    elif isinstance(value, list):
        made = {"type": "array", "items": {"type": "string"}}
    else:
        made = {"type": TYPES[type(value)]}
    return made | KNOWN.get(path, {})


def documented(text: str) -> list[tuple[str, str, str]]:
    """(path, default, description) of every commented value, in order."""
    rows: list[tuple[str, str, str]] = []
    parents: list[tuple[int, str]] = []
    comment: list[str] = []
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("#"):
            comment.append(stripped.lstrip("# "))
            continue
        found = re.match(r"^( *)([A-Za-z0-9]+):(.*)$", line)
        if not found:
            comment = []
            continue
        depth = len(found[1])
        parents = [p for p in parents if p[0] < depth]
        path = ".".join([*(p[1] for p in parents), found[2]])
        if comment and depth:
            rows.append((path, found[3].strip(), " ".join(comment)))
        parents.append((depth, found[2]))
        comment = []
    return rows


def files() -> dict[Path, str]:
    """What is generated, by path."""
    text = (CHART / "values.yaml").read_text()
    schema = schema_of(yaml.safe_load(text))
    schema["properties"]["global"] = {"type": "object"}  # Helm itself adds it
    schema = {"$schema": "http://json-schema.org/draft-07/schema#", **schema}
    table = "\n".join(f"| `{p}` | `{d or '…'}` | {c} |" for p, d, c in documented(text))
    head, mark, _ = (CHART / "README.md").read_text().partition("<!-- generated from values.yaml -->")
    return {
        CHART / "values.schema.json": json.dumps(schema, indent=2) + "\n",
        CHART / "README.md": f"{head}{mark}\n\n| value | default | meaning |\n| --- | --- | --- |\n{table}\n",
    }


def main() -> None:
    """Write both files."""
    for path, content in files().items():
        path.write_text(content)


if __name__ == "__main__":
    main()
