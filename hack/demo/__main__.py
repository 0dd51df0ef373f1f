"""`python -m hack.demo up|down`: brings up the loop, or removes it."""

import argparse
import sys

from hack.demo.failure import DemoFailed
from hack.demo.run import down, up


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="make demo", description="The whole loop on real data.")
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("up", help="bring up cluster, operator and data, and watch the loop close")
    start.add_argument("--context", help="use this context of your kubeconfig instead of a cluster of our own")
    commands.add_parser("down", help="remove everything that `up` made")
    arguments = parser.parse_args()
    try:
        down() if arguments.command == "down" else up(arguments.context)
    except DemoFailed as error:
        print(f"\n✗ {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted; run it again to go on, or `make demo-down` to remove everything", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
