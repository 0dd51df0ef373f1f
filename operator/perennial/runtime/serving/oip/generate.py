"""Generates the message module from the .proto. Needs grpcio-tools, which no image carries: run it in an environment
of its own, `python operator/perennial/runtime/serving/oip/generate.py`, and commit what it writes.
"""

import sys
from pathlib import Path

FOLDER = Path(__file__).parent


def main() -> int:
    """Write open_inference_pb2.py and its types."""
    from grpc_tools import protoc  # type: ignore[import-not-found]

    options = [f"-I{FOLDER}", f"--python_out={FOLDER}", f"--pyi_out={FOLDER}", str(FOLDER / "open_inference.proto")]
    return int(protoc.main(["protoc", *options]))


if __name__ == "__main__":
    sys.exit(main())
