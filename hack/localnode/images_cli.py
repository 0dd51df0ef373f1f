"""The command line of `hack/images`: argument parsing and printing; the work is in the modules beside it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from . import engines, providers
from .base_image import provide
from .engines import DEFAULT_TAG, TARGETS, image_name
from .failure import Failure


def main(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit code. What a person can mend is one message, without a traceback."""
    parsed = _parser().parse_args(arguments)
    try:
        parsed.run(parsed)
    except Failure as failure:
        print(f"hack/images: {failure}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hack/images",
        description="The container images, with Docker, Podman or buildah, whichever answers. "
        "BASE_IMAGE=… chooses another base than python:3.13-slim (Docker, Podman) or our own Debian (buildah).",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("base", help="make our own base image with debootstrap").set_defaults(run=_base)
    for name, run, text in (("build", _build, "build images"), ("load", _load, "give built images to the cluster")):
        command = commands.add_parser(name, help=text)
        command.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; default: all")
        command.add_argument("--tag", default=DEFAULT_TAG)
        command.set_defaults(run=run)
    return parser


def _base(_: argparse.Namespace) -> None:
    print(engines.find().import_base(provide()))


def _targets(arguments: argparse.Namespace) -> list[str]:
    unknown = set(arguments.targets) - set(TARGETS)
    if unknown:
        raise Failure(f"no image is called {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    return arguments.targets or list(TARGETS)


def _build(arguments: argparse.Namespace) -> None:
    targets = _targets(arguments)
    engine = engines.find()
    base = engines.base(engine)
    for target in targets:
        engine.build(target, image_name(target, arguments.tag), base)


def _load(arguments: argparse.Namespace) -> None:
    targets = _targets(arguments)
    engine, provider = engines.find(), providers.current()
    for target in targets:
        provider.load(engine, image_name(target, arguments.tag))
