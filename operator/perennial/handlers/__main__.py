"""The operator's entry point: `python -m perennial.handlers`. Settings come from `PERENNIAL_*` variables."""

import asyncio
import logging
import os
import sys

import uvloop

from perennial.handlers.logs import log_json
from perennial.handlers.process import Operator
from perennial.kube.access import NoAccess, load_access
from perennial.reconcile.config import ConfigError, load_config
from perennial.reconcile.registry import RECONCILERS, RELATED


def main() -> int:
    """Run until told to stop. Exit code 2: the settings cannot be meant."""
    log_json()
    log = logging.getLogger("perennial")
    try:
        operator = Operator(load_config(os.environ), load_access(), RECONCILERS, RELATED)
    except (ConfigError, NoAccess) as error:
        log.critical("%s", error)
        return 2
    try:
        uvloop.run(operator.run())
    except asyncio.CancelledError:
        log.info("stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
