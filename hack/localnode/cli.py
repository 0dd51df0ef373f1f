"""The command line of `hack/cluster`: argument parsing and printing; the work is in the modules beside it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from . import binaries, catalogue
from .control_plane import ControlPlane, Options, wipe
from .failure import Failure
from .place import Place, places
from .processes import Processes
from .progress import say

CONTROL = "control"


def main(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit code. What a person can mend is one message, without a traceback."""
    parsed = _parser().parse_args(arguments)
    try:
        return int(parsed.run(parsed) or 0)
    except Failure as failure:
        print(f"hack/cluster: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("hack/cluster: interrupted; run it again to go on from here", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hack/cluster", description="A real Kubernetes on this machine.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    up = commands.add_parser("up", help="start it, or mend what is missing of it")
    up.add_argument("--control-plane-only", action="store_true", help="etcd and API server on free ports, no node")
    up.add_argument("--with-controllers", action="store_true", help="with --control-plane-only: also the controllers")
    up.add_argument("--name", default=CONTROL, help="of a control plane; several can run at once")
    up.set_defaults(run=_up)

    for name, run, text in (("down", _down, "end it, keep its state"), ("wipe", _wipe, "end it and remove its state")):
        command = commands.add_parser(name, help=text)
        command.add_argument("--name", help="only the control plane of this name")
        command.set_defaults(run=run)

    commands.add_parser("status", help="what runs").set_defaults(run=_status)

    build = commands.add_parser("build", help="build the programs into the cache")
    build.add_argument("programs", nargs="*", metavar="PROGRAM", help="default: all")
    build.set_defaults(run=_build)
    return parser


def _up(arguments: argparse.Namespace) -> None:
    plane = ControlPlane(Place(arguments.name), Options(controllers=arguments.with_controllers))
    plane.up()
    say(f"API server at {plane.url}")
    print(f"export KUBECONFIG={plane.place.kubeconfig}")


def _chosen(arguments: argparse.Namespace) -> list[Place]:
    return [place for place in places() if arguments.name in (None, place.name)]


def _down(arguments: argparse.Namespace) -> None:
    for place in _chosen(arguments):
        ControlPlane(place, Options()).down()


def _wipe(arguments: argparse.Namespace) -> None:
    for place in _chosen(arguments):
        ControlPlane(place, Options()).down()
        wipe(place)


def _status(_: argparse.Namespace) -> None:
    for place in places():
        processes = Processes(place.run, place.logs)
        for name in processes.names():
            print(f"{place.name:<12} {name:<26} {processes.live(name) or 'dead'}")


def _build(arguments: argparse.Namespace) -> None:
    try:
        binaries.provide(tuple(arguments.programs) or catalogue.ALL, Place(CONTROL).bin)
    except KeyError as error:
        raise Failure(f"no program is called {error}; there are {', '.join(catalogue.ALL)}") from None
