"""`perennial init`: looks at a table and writes the three objects, commented, with gates from a quick baseline."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console


def init(
    table: Annotated[Path, typer.Argument(help="A Parquet, CSV or JSON-lines file, or a folder of them.")],
    target: Annotated[str, typer.Option(help="The column to predict.")],
    name: Annotated[str | None, typer.Option(help="Name of the objects. Default: the file's.")] = None,
    out: Annotated[Path | None, typer.Option(help="File to write. Default: <name>.yaml.")] = None,
    force: Annotated[bool, typer.Option(help="Replace a file that is there.")] = False,
) -> None:
    """Write ModelTraining, ModelDeployment and RetrainPolicy for a table."""
    from perennial.cli.starter import drafted, objects
    from perennial.runtime.training.environment import fix_threads

    fix_threads()
    errors = Console(stderr=True)
    if not table.exists():
        raise typer.BadParameter(f"{table} does not exist")
    called = name or _object_name(table.stem)
    place = out or Path(f"{called}.yaml")
    if place.exists() and not force:
        raise typer.BadParameter(f"{place} exists already; choose another --out, or --force")
    draft = drafted(table, target, called, errors)
    place.write_text(objects(draft), encoding="utf-8")
    said = Console(highlight=False, soft_wrap=True)
    said.print(f"wrote {place}")
    said.print("check that these columns are known at prediction time: " + ", ".join(draft.features))
    for warning in draft.warnings:
        said.print(f"[yellow]warning[/]: {warning}")
    said.print(f"next: perennial train -f {place}")


def _object_name(text: str) -> str:
    """A DNS-1035 name of at most 40 characters."""
    kept = "".join(c if c.isalnum() and c.isascii() else "-" for c in text.lower()).strip("-")[:40].strip("-")
    return kept if kept and kept[0].isalpha() else f"m-{kept}".strip("-")[:40]
