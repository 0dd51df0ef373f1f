"""Our own OpenAPI document, held against the server by schemathesis: requests that fit it, and requests that nearly do.

No answer may be a server's failure, and each has a status, content type and body that the document declares.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.serving.server import ServerProcess

EXAMPLES = "2000" if os.environ.get("PERENNIAL_SOAK") else "100"
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,unsupported_method"
)
V2_INFER = "/infer$"


def hold(server: ServerProcess, folder: Path, *options: str, checks: str = CHECKS) -> None:
    program = Path(sys.executable).with_name("schemathesis")
    generation = ["--phases", "examples,coverage,fuzzing", "--generation-deterministic", "--max-examples", EXAMPLES]
    limits = ["--request-timeout", "60", "--suppress-health-check", "all"]
    done = subprocess.run(
        [program, "run", f"{server.url}/openapi.json", "--checks", checks, *generation, *limits, *options],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout[-6000:]}\n{done.stderr[-2000:]}"
    assert "No issues found" in done.stdout


@pytest.mark.timeout(7200 if os.environ.get("PERENNIAL_SOAK") else 900)
class TestTheDocument:
    def test_what_fits_it_is_accepted_where_a_schema_can_say_all(self, numeric: ServerProcess, tmp_path: Path) -> None:
        # but V2's tensors: that there are as many elements as the shape says is beyond a schema
        hold(numeric, tmp_path, "--exclude-path-regex", V2_INFER, checks=f"{CHECKS},positive_data_acceptance")

    def test_no_inference_request_makes_the_server_fail(self, numeric: ServerProcess, tmp_path: Path) -> None:
        hold(numeric, tmp_path, "--include-path-regex", V2_INFER)

    def test_no_request_with_text_times_and_gaps_makes_the_server_fail(
        self, mixed: ServerProcess, tmp_path: Path
    ) -> None:
        hold(mixed, tmp_path)
