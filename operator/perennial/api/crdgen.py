"""`python -m perennial.api.crdgen [FOLDER]`: writes `crds/*.yaml` from the models. Their content is `crd`'s."""

import sys
from pathlib import Path
from typing import Any

import yaml

from perennial.api.crd import crd
from perennial.api.group import GROUP, PLURALS

HEADER = "# Generated from perennial.api by `python -m perennial.api.crdgen`; edits are lost.\n"


class _Plain(yaml.SafeDumper):
    """YAML without anchors: every part of a CRD reads by itself."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def files() -> dict[str, str]:
    """File name → YAML text of every CRD."""
    return {
        f"{GROUP}_{plural}.yaml": HEADER
        + yaml.dump(crd(kind), Dumper=_Plain, sort_keys=False, width=110, allow_unicode=True)
        for kind, plural in PLURALS.items()
    }


def main(folder: str = "crds") -> None:
    """Write the files."""
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    for name, text in files().items():
        (target / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:2])
