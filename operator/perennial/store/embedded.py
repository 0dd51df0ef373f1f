"""`python -m perennial.store.embedded BUCKET`: the one door of the chart's embedded S3 server.

SeaweedFS has ports that ask for no credentials (its filer, its volumes, its gRPC), so all of it listens on loopback
only. This process makes the bucket and then lets the network reach the S3 port, byte for byte, and nothing else.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping

from botocore.exceptions import BotoCoreError, ClientError

from perennial.store.s3_client import s3_client

PORT = 8333
INNER_PORT = 8334
RETRY_SECONDS = 0.5
CHUNK = 1 << 18
ALREADY = frozenset({"BucketAlreadyExists", "BucketAlreadyOwnedByYou"})


def bucket_made(name: str, env: Mapping[str, str]) -> bool:
    """Make the bucket unless it is there; False while the server does not answer yet.

    Raises:
        ClientError: the server refuses (wrong keys, a name that is no bucket name).
    """
    try:
        s3_client(env).create_bucket(Bucket=name)
    except ClientError as refused:
        if refused.response["Error"]["Code"] in ALREADY:
            return True
        if refused.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
            return False
        raise
    except BotoCoreError:
        return False
    return True


async def serve(bucket: str, env: Mapping[str, str]) -> None:
    """Make the bucket, then forward until SIGTERM."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    while not await asyncio.to_thread(bucket_made, bucket, env):  # noqa: ASYNC110  nobody could set an event
        await asyncio.sleep(RETRY_SECONDS)
    async with await asyncio.start_server(_forward, "", PORT):  # listening now is what readiness waits for
        await ended.wait()


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", INNER_PORT)
    except OSError:
        writer.close()
        return
    await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer))


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while chunk := await source.read(CHUNK):
            sink.write(chunk)
            await sink.drain()
    except ConnectionError:
        pass
    finally:
        sink.close()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], os.environ))
