"""Control planes for one test session: fresh, without fsync, removed at the end, swept later if the end never came."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from . import binaries, catalogue, host
from .control_plane import ControlPlane, Options, wipe
from .failure import Failure
from .place import Place, places
from .processes import start_time

PREFIX = "throwaway-"


def why_not(controllers: bool = False) -> str | None:
    """Why no control plane can be started here right now; None if one can."""
    try:
        host.require_linux()
    except Failure as failure:
        return str(failure)
    wanted = catalogue.CONTROL_PLANE + (catalogue.CONTROLLERS if controllers else ())
    absent = [binary.name for binary in binaries.missing(wanted)]
    if absent:
        return f"not built yet: {', '.join(absent)}; run `hack/cluster build` once (a few minutes)"
    return None


@contextmanager
def control_plane(controllers: bool = False) -> Iterator[ControlPlane]:
    """A control plane that ends with the block, also when the block fails."""
    sweep()
    place = Place(f"{PREFIX}{os.getpid()}-{secrets.token_hex(3)}")
    place.make()
    owner = {"pid": os.getpid(), "started": start_time(os.getpid())}
    (place.run / "owner.json").write_text(json.dumps(owner))
    plane = ControlPlane(place, Options(controllers=controllers, durable=False))
    try:
        plane.up()
        yield plane
    finally:
        plane.down()
        wipe(place)


def sweep() -> None:
    """End and remove the throwaway control planes whose owner is gone."""
    for place in places():
        if place.name.startswith(PREFIX) and not _is_owned(place):
            ControlPlane(place, Options()).down()
            wipe(place)


def _is_owned(place: Place) -> bool:
    try:
        owner = json.loads((place.run / "owner.json").read_text())
    except (OSError, ValueError):
        return False
    return bool(start_time(owner["pid"]) == owner["started"])
