"""The fixture `s3`: one real S3 server a test session. Ask `s3.bucket(name)` for an empty bucket of your own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.support.seaweedfs import EVERYTHING, Identity, SeaweedFS


@dataclass(frozen=True, slots=True)
class S3:
    """A running server and what tests ask of it."""

    server: SeaweedFS

    @property
    def endpoint(self) -> str:
        """`http://127.0.0.1:<port>`."""
        return self.server.endpoint

    def env(self, role: str = "admin") -> dict[str, str]:
        """AWS_* variables of a role: admin (everything), reader (reads and lists all), lister, stranger (nothing)."""
        return self.server.env(role)

    def client(self, role: str = "admin") -> Any:
        """A bare boto3 client, to look at the server beside our own code."""
        return s3_client(self.env(role))

    def bucket(self, name: str = "") -> str:
        """Make a bucket unless it is there; without a name a fresh one. Returns its name."""
        name = name or f"test-{uuid4().hex[:12]}"
        try:
            self.client().create_bucket(Bucket=name)
        except ClientError as refused:
            if refused.response["Error"]["Code"] not in ("BucketAlreadyExists", "BucketAlreadyOwnedByYou"):
                raise
        return name

    def restart(self) -> None:
        """End the server and start it again with its data."""
        self.server.restart()


def s3_client(env: dict[str, str]) -> Any:
    """A boto3 client from AWS_* variables."""
    return boto3.client(
        "s3",
        endpoint_url=env["AWS_ENDPOINT_URL_S3"],
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
        region_name=env["AWS_REGION"],
        config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
    )


ROLES: Sequence[Identity] = (
    Identity("admin", EVERYTHING),
    Identity("reader", ("Read", "List")),
    Identity("lister", ("List",)),
    Identity("stranger", ()),
)


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    """A real S3 server on loopback, ended with the session."""
    server = SeaweedFS(tmp_path_factory.mktemp("seaweedfs"), ROLES)
    try:
        yield S3(server.start())
    finally:
        server.stop()
