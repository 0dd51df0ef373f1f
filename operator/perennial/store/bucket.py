"""`python -m perennial.store.bucket NAME`: makes the embedded store's bucket, marks /tmp/ready, and waits to be ended.

Only the chart's embedded S3 server uses it; elsewhere buckets are made by the people who own them.
"""

import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from perennial.store.s3_client import s3_client

READY = Path(tempfile.gettempdir()) / "ready"
RETRY_SECONDS = 0.5
ALREADY = frozenset({"BucketAlreadyExists", "BucketAlreadyOwnedByYou"})


def make_bucket(name: str, env: dict[str, str]) -> None:
    """Make the bucket unless it is there; asks again until the server answers.

    Raises:
        ClientError: the server refuses (wrong keys, a name that is no bucket name).
    """
    client = s3_client(env)
    while True:
        try:
            client.create_bucket(Bucket=name)
        except ClientError as refused:
            status = refused.response["ResponseMetadata"]["HTTPStatusCode"]
            if refused.response["Error"]["Code"] in ALREADY:
                return
            if status < 500:
                raise
        except BotoCoreError:
            pass  # not listening yet
        else:
            return
        time.sleep(RETRY_SECONDS)


def main() -> int:
    """Entry point of the container beside the server."""
    make_bucket(sys.argv[1], dict(os.environ))
    READY.touch()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.pause()
    return 0


if __name__ == "__main__":
    sys.exit(main())
