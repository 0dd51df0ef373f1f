"""boto3 clients: one an endpoint and key, shared by all threads. Path-style addresses, short time-outs, few retries."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import boto3
from botocore.config import Config

from perennial.version import __version__

CONNECT_TIMEOUT = 5  # seconds
READ_TIMEOUT = 20  # seconds
ATTEMPTS = 3  # of one request; whoever reconciles comes again anyway
CONNECTIONS = 32  # as many as the operator has storage threads


def s3_client(env: Mapping[str, str]) -> Any:
    """The shared client of the endpoint and key that the AWS_* variables name.

    Without a key in them boto3 looks where it always does (workload identity, profile).
    """
    return _client(
        env.get("AWS_ENDPOINT_URL_S3") or env.get("AWS_ENDPOINT_URL"),
        env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or "us-east-1",
        env.get("AWS_ACCESS_KEY_ID"),
        env.get("AWS_SECRET_ACCESS_KEY"),
        env.get("AWS_SESSION_TOKEN"),
    )


@lru_cache(maxsize=16)
def _client(endpoint: str | None, region: str, access: str | None, secret: str | None, token: str | None) -> Any:
    # A session of its own: boto3's default session is not safe to make clients from in several threads.
    return boto3.session.Session().client(
        "s3",
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=access,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=Config(
            s3={"addressing_style": "path"},
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=READ_TIMEOUT,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            max_pool_connections=CONNECTIONS,
            user_agent_extra=f"perennial/{__version__}",
        ),
    )
