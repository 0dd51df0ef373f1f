"""Generates what the chart says about its values: values.schema.json (strict) and the table in its README.

The comments above each value in values.yaml are the documentation; types are those of the defaults.
"""

import json
import re
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).resolve().parent.parent / "charts" / "perennial"
OPEN = {"resources", "tolerations", "affinity", "nodeSelector", "podLabels", "podAnnotations", "digests"}
OPEN |= {"tenantServiceAccountAnnotations", "requests", "limits"}
ENUMS = {"image.pullPolicy": ["Always", "IfNotPresent", "Never"]}
ITEMS: dict[str, dict[str, Any]] = {"operator.env": {"type": "object"}, "operator.tolerations": {"type": "object"}}
TYPES = {bool: "boolean", int: "integer", str: "string", float: "number"}


def schema_of(value: Any, path: str = "") -> dict[str, Any]:
    """A strict JSON schema for a default value: unknown keys are typos."""
    name = path.rpartition(".")[2]
    if isinstance(value, dict):
        made: dict[str, Any] = {"type": "object"}
        if name in OPEN:
            return made
        made["additionalProperties"] = False
        made["properties"] = {k: schema_of(v, f"{path}.{k}" if path else k) for k, v in value.items()}
        return made
    if isinstance(value, list):
        return {"type": "array", "items": ITEMS.get(path, {"type": "string"})}
    if path in ENUMS:
        return {"type": "string", "enum": ENUMS[path]}
    return {"type": TYPES[type(value)]}


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


def main() -> None:
    """Write both files."""
    text = (CHART / "values.yaml").read_text()
    schema = schema_of(yaml.safe_load(text))
    schema["properties"]["global"] = {"type": "object"}
    schema = {"$schema": "http://json-schema.org/draft-07/schema#", **schema}
    (CHART / "values.schema.json").write_text(json.dumps(schema, indent=2) + "\n")
    table = "\n".join(f"| `{p}` | `{d or '…'}` | {c} |".replace("| `` |", "| |") for p, d, c in documented(text))
    readme = (CHART / "README.md").read_text()
    head, mark, _ = readme.partition("<!-- generated from values.yaml -->")
    (CHART / "README.md").write_text(f"{head}{mark}\n\n| value | default | meaning |\n| --- | --- | --- |\n{table}\n")


if __name__ == "__main__":
    main()
