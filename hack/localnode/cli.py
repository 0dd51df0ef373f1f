"""The command line of `hack/cluster`: argument parsing and printing; the work is in the modules beside it."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from . import binaries, catalogue, control_plane, engines, network, providers, throwaway
from .control_plane import ControlPlane, Options
from .failure import Failure
from .forward import Service
from .host import require_linux
from .node import Node
from .place import NODE, Place, places, shell_kubeconfig
from .processes import Processes
from .progress import say, step

CONTROL = "control"
_TEXT = """A real Kubernetes on this machine: a node in a sealed network namespace (the default), a control plane alone
for tests, a kind cluster, or a cluster that exists."""


def main(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit code. What a person can mend is one message, without a traceback."""
    parsed = _parser().parse_args(arguments)
    try:
        return int(parsed.run(parsed) or 0)
    except Failure as failure:
        print(f"hack/cluster: {failure}", file=sys.stderr)
        return 1
    except PermissionError as error:
        print(f"hack/cluster: no access to {error.filename}; whose is it, and does this need root?", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("hack/cluster: interrupted; run it again to go on from here", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hack/cluster", description=_TEXT)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    up = commands.add_parser("up", help="start it, or mend what is missing of it")
    up.add_argument("--provider", choices=("auto", *providers.NAMES), default="auto")
    up.add_argument("--context", help="use the cluster of this context of your kubeconfig")
    up.add_argument("--control-plane-only", action="store_true", help="etcd and API server on free ports, no node")
    up.add_argument("--with-controllers", action="store_true", help="with --control-plane-only: also the controllers")
    up.add_argument("--name", default=CONTROL, help="with --control-plane-only: several can run at once")
    up.set_defaults(run=_up)

    for name, run, text in (("down", _down, "end it, keep its state"), ("wipe", _wipe, "end it and remove its state")):
        command = commands.add_parser(name, help=text)
        command.add_argument("--name", help="only the control plane of this name")
        command.set_defaults(run=run)

    commands.add_parser("status", help="what runs").set_defaults(run=_status)
    commands.add_parser("env", help='for eval "$(hack/cluster env)": KUBECONFIG and PATH').set_defaults(run=_env)
    commands.add_parser("kubeconfig", help="the path of the kubeconfig").set_defaults(run=_kubeconfig)

    build = commands.add_parser("build", help="build the programs into the cache")
    build.add_argument("programs", nargs="*", metavar="PROGRAM", help="default: all that this user can run")
    build.set_defaults(run=_build)

    load = commands.add_parser("load-image", help="give the cluster images that the engine has, or an archive")
    load.add_argument("images", nargs="+", metavar="NAME|FILE.tar")
    load.set_defaults(run=_load_image)

    forward = commands.add_parser("forward", help="make a Service reachable on 127.0.0.1")
    forward.add_argument("service", metavar="svc/NAME")
    forward.add_argument("-n", "--namespace", default="default")
    forward.add_argument(
        "--port", required=True, metavar="[HOST:]SERVICE", help="ports; any free HOST port if not given"
    )
    forward.set_defaults(run=_forward)

    in_node = commands.add_parser("in-node", help="run a command in the node's network namespace")
    in_node.add_argument("command", nargs=argparse.REMAINDER)
    in_node.set_defaults(run=_in_node)
    return parser


def _up(arguments: argparse.Namespace) -> None:
    if arguments.control_plane_only:
        if not re.fullmatch(r"[a-z0-9-]{1,40}", arguments.name) or arguments.name in (*providers.NAMES, "bin"):
            raise Failure(
                f"--name {arguments.name}: letters a-z, digits and -, and none of {', '.join(providers.NAMES)}"
            )
        plane = ControlPlane(Place(arguments.name), Options(controllers=arguments.with_controllers))
        plane.up()
        say(f"API server at {plane.url}")
        print(f"export KUBECONFIG={plane.place.kubeconfig}")
        return
    name = providers.choose(arguments.provider, arguments.context)
    if name == NODE and Node().is_up():
        say("the node is already up")
    provider = providers.make(name, arguments.context)
    providers.remember(name, arguments.context)
    with step(f"{name}: up"):
        provider.up()
    _env(arguments)


def _own_places(name: str | None) -> list[Place]:
    """The control planes and the node; not those that a running test session will end itself."""
    throwaway.sweep()
    return [place for place in places() if name in (None, place.name) and not place.name.startswith(throwaway.PREFIX)]


def _down(arguments: argparse.Namespace) -> None:
    for place in _own_places(arguments.name):
        if place.name not in providers.NAMES:
            with step(f"control plane {place.name}: down"):
                ControlPlane(place, Options()).down()
    if arguments.name in (None, NODE):
        with step("down"):
            providers.current().down()


def _wipe(arguments: argparse.Namespace) -> None:
    for place in _own_places(arguments.name):
        if place.name not in providers.NAMES:
            with step(f"control plane {place.name}: wiped"):
                ControlPlane(place, Options()).down()
                control_plane.wipe(place)
    if arguments.name in (None, NODE):
        with step("wiped"):
            providers.current().wipe()
    if not {place.name for place in places()} - {"kind", "context"}:
        for folder in (Place(NODE).state.parent, Place(NODE).run.parent):
            shutil.rmtree(folder, ignore_errors=True)


def _status(_: argparse.Namespace) -> None:
    for place in places():
        processes = Processes(place.run, place.logs)
        for name in processes.names():
            pid = processes.live(name)
            print(f"{place.name:<14} {name:<26} {f'{pid:>7} {_memory(pid):>5} MiB' if pid else '   dead'}")
    print("the node is up" if Node().is_up() else "the node is not up")


def _memory(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) // 1024
    return 0


def _env(_: argparse.Namespace) -> None:
    print(f"export KUBECONFIG={shell_kubeconfig()}")
    print(f'export PATH="{Place(NODE).bin}:$PATH"')


def _kubeconfig(_: argparse.Namespace) -> None:
    if not shell_kubeconfig().exists():
        raise Failure("no cluster was started from here; `hack/cluster up`")
    print(shell_kubeconfig())


def _build(arguments: argparse.Namespace) -> None:
    require_linux()
    every = catalogue.ALL if os.geteuid() == 0 else (*catalogue.CONTROL_PLANE, *catalogue.CONTROLLERS, "helm")
    try:
        binaries.provide(tuple(arguments.programs) or every, Place(NODE).bin)
    except KeyError as error:
        raise Failure(f"no program is called {error}; there are {', '.join(catalogue.ALL)}") from None


def _load_image(arguments: argparse.Namespace) -> None:
    provider = providers.current()
    for image in arguments.images:
        if image.endswith(".tar"):
            provider.load_archive(Path(image))
        else:
            provider.load(engines.find(), image)


def _forward(arguments: argparse.Namespace) -> None:
    kind, _, name = arguments.service.partition("/")
    host, _, port = arguments.port.rpartition(":")
    if kind not in ("svc", "service") or not name or not port.isdigit() or not (host.isdigit() or not host):
        raise Failure("write it as: hack/cluster forward svc/NAME -n NAMESPACE --port [HOST_PORT:]SERVICE_PORT")
    service = Service(arguments.namespace, name, int(port))
    print(f"127.0.0.1:{providers.current().forward(service, int(host) if host else None)}")


def _in_node(arguments: argparse.Namespace) -> None:
    place = Place(NODE)
    if not arguments.command:
        raise Failure("which command? For example: hack/cluster in-node kubectl get pods -A")
    if place.namespace is None or not place.namespace.exists():
        raise Failure("the node is not up; start it with `hack/cluster up`")
    environment = os.environ | {"KUBECONFIG": str(place.kubeconfig), "PATH": f"{place.bin}:{os.environ['PATH']}"}
    network.enter(place.namespace)
    try:
        os.execvpe(arguments.command[0], arguments.command, environment)
    except FileNotFoundError:
        raise Failure(f"there is no program {arguments.command[0]!r}") from None
