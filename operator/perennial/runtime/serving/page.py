"""The try-it page of one served model: one self-contained file, no request to anywhere else."""

import html
import json
from importlib.resources import files

from perennial.api.records.signature import InputColumn, Signature
from perennial.runtime.serving.served import Served

_POLICY = (
    b"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'"
)
PAGE_HEADERS = (
    (b"content-type", b"text/html; charset=utf-8"),
    (b"content-security-policy", _POLICY),
    (b"x-content-type-options", b"nosniff"),
)


def page(served: Served) -> bytes:
    """The page's bytes."""
    signature, config = served.signature, served.config
    parts = {
        "title": html.escape(f"{config.model} · version {config.version}"),
        "model": html.escape(config.model),
        "facts": _facts(served),
        "fields": "".join(_field(c, signature) for c in signature.inputs),
        "path": _script(f"/v2/models/{config.model}/infer"),
        "outputs": _script([o.name for o in signature.outputs if o.name != "explain"]),
    }
    text = files("perennial.runtime.serving").joinpath("page.html").read_text()
    for name, value in parts.items():
        text = text.replace("{{" + name + "}}", value)
    return text.encode()


def _facts(served: Served) -> str:
    facts = {
        "Version": served.config.version,
        "Task": served.signature.task,
        "Estimator": served.signature.estimator,
        "Artifact": served.config.artifact_digest,
    }
    return "".join(f"<dt>{name}</dt><dd>{html.escape(value)}</dd>" for name, value in facts.items() if value)


def _field(column: InputColumn, signature: Signature) -> str:
    name = html.escape(column.name, quote=True)
    example = signature.example.get(column.name)
    value = "" if example is None else json.dumps(example) if not isinstance(example, str) else example
    shown = html.escape(value, quote=True)
    attributes = f'name="{name}" data-type="{column.datatype}"'
    if column.datatype == "BOOL":
        options = "".join(
            f'<option value="{v}"{" selected" if v == value else ""}>{v or "missing"}</option>'
            for v in ("", "true", "false")
        )
        return f"<label>{name}<select {attributes}>{options}</select></label>"
    kind = "text" if column.datatype == "BYTES" else 'number" step="any'
    options = "".join(f'<option value="{html.escape(c, quote=True)}">' for c in (column.categories or [])[:100])
    listed = f'<datalist id="of-{name}">{options}</datalist>' if options else ""
    link = f' list="of-{name}"' if options else ""
    return f'<label>{name}<input type="{kind}" {attributes}{link} value="{shown}"></label>{listed}'


def _script(value: object) -> str:
    """JSON that cannot end the script element."""
    return json.dumps(value).replace("<", "\\u003c")
