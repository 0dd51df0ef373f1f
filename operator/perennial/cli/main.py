"""The commands, one module each; what they need is imported when they run, so that help answers at once."""

from typing import Annotated

import typer

from perennial.cli.backtest import backtest
from perennial.cli.drift import drift
from perennial.cli.gc import gc
from perennial.cli.init import init
from perennial.cli.serve import serve
from perennial.cli.train import train
from perennial.cli.verify import verify_run
from perennial.version import __version__

app = typer.Typer(
    name="perennial",
    help="Train, judge, serve and watch models; the same on a laptop and in a cluster.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # locals can hold credentials
)
app.command("init")(init)
app.command("train")(train)
app.command("serve")(serve)
app.command("verify-run")(verify_run)
app.command("drift")(drift)
app.command("backtest")(backtest)
app.command("gc")(gc)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    """Train, judge, serve and watch models; the same on a laptop and in a cluster."""


def main() -> None:
    """Entry point of `perennial` and `kubectl-perennial`."""
    app()
