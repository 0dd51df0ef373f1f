"""`python -m perennial.runtime.serving`: the server container's command. Configured by PERENNIAL_SERVER."""

import argparse
import os
import sys
from pathlib import Path

import pydantic

from perennial.api.records.server import GRPC_PORT, HTTP_PORT, PLAN_FILE, SERVER_VARIABLE, ServerConfig
from perennial.runtime.serving.boot import Boot
from perennial.runtime.serving.run import run

USAGE_ERROR = 64


def main() -> int:
    """Read the environment, serve, return the exit code."""
    arguments = _arguments()
    text = os.environ.get(SERVER_VARIABLE)
    if not text:
        print(f"{SERVER_VARIABLE} is not set; expected a ServerConfig as JSON", file=sys.stderr)  # noqa: T201
        return USAGE_ERROR
    try:
        config = ServerConfig.from_json(text)
    except pydantic.ValidationError as error:
        print(f"{SERVER_VARIABLE} is no ServerConfig: {error}", file=sys.stderr)  # noqa: T201
        return USAGE_ERROR
    return run(
        Boot.of(
            config,
            host=arguments.host,
            port=arguments.port,
            grpc_port=arguments.grpc_port or None,
            folder=arguments.folder,
            plan=arguments.plan,
            termination_log=arguments.termination_log,
        )
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="perennial.runtime.serving", description=__doc__)
    parser.add_argument("--host", default="0.0.0.0")  # noqa: S104 - a pod listens on its own address
    parser.add_argument("--port", type=int, default=HTTP_PORT)
    parser.add_argument("--grpc-port", type=int, default=GRPC_PORT, help="0: no gRPC")
    parser.add_argument("--folder", type=Path, default=Path("/work"), help="scratch")
    parser.add_argument("--plan", type=Path, default=Path(PLAN_FILE))
    parser.add_argument("--termination-log", type=Path, default=Path("/dev/termination-log"), help="if it exists")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
