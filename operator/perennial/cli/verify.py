"""`perennial verify-run`: is a stored run reproducible here?"""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from perennial.cli.train import Output, complain, progress

if TYPE_CHECKING:
    from perennial.runtime.training.verification import Verification

DIFFERS = 1
"""Exit code of a run that does not come out again."""


def verify_run(
    run: Annotated[str, typer.Argument(help="URI of a run: <registry>/<namespace>/<model>/runs/<digest>.")],
    output: Annotated[Output, typer.Option("-o", "--output", help="How to print the result.")] = Output.text,
) -> None:
    """Train a run again and compare: bit-identical in the same environment, else metrics at rtol 1e-6."""
    from perennial.runtime.training.environment import fix_threads

    fix_threads()
    from perennial.runtime.training import endings
    from perennial.runtime.training.verification import verify

    errors = Console(stderr=True)
    try:
        with progress(errors, "verify") as bar:
            found = verify(run, listener=bar.update)
    except Exception as error:
        code, outcome = endings.of_error(error, "verify")
        complain(errors, outcome)
        raise typer.Exit(int(code)) from None
    if output is Output.json:
        typer.echo(json.dumps({**asdict(found), "passed": found.passed}, indent=2))
    else:
        _print(Console(), found)
    if not found.passed:
        raise typer.Exit(DIFFERS)


def _print(console: Console, found: "Verification") -> None:
    said = "bit-identical" if found.same_artifact else "same metrics at rtol 1e-6" if found.passed else "DIFFERENT"
    console.print(f"{found.run_digest}: {said}", highlight=False, soft_wrap=True)
    for name in found.differing:
        console.print(f"  {name}: {found.metrics.get(name)}", highlight=False)
    for part, (then, here) in found.environment.items():
        console.print(f"  {part}: recorded {then}, here {here}", highlight=False, soft_wrap=True)
