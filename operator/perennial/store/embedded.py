"""`python -m perennial.store.embedded BUCKET CONFIG`: the one door of the chart's embedded S3 server.

SeaweedFS has ports that ask for no credentials (its filer, its volumes, its gRPC), so all of it listens on loopback
only. This process makes the bucket, lets the network reach the S3 port, byte for byte, and nothing else, and tells
SeaweedFS when its identities have changed: a new pod in its place would begin with an empty emptyDir.
"""

import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from perennial.store.s3_client import s3_client

log = logging.getLogger(__name__)

PORT = 8333
RETRY_SECONDS = 0.5
LOOK_SECONDS = 2.0
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


def signal_for(before: bytes, after: bytes) -> signal.Signals:
    """What makes SeaweedFS know its identities: SIGHUP adds and changes, but forgets none, so a lost one ends it.

    Its container then starts again with the same volume.
    """
    return signal.SIGTERM if _access_keys(before) - _access_keys(after) else signal.SIGHUP


def seaweed_process() -> int | None:
    """Process id of SeaweedFS in the pod (whose containers share their processes), None while it does not run."""
    for status in Path("/proc").glob("[0-9]*/comm"):
        try:
            if status.read_text() == "weed\n":
                return int(status.parent.name)
        except OSError:  # it ended meanwhile
            continue
    return None


async def serve(
    bucket: str,
    config: Path,
    env: Mapping[str, str],
    *,
    port: int = PORT,
    process: Callable[[], int | None] = seaweed_process,
) -> None:
    """Make the bucket, then forward until SIGTERM.

    Args:
        bucket: name of the bucket.
        config: the server's identities, as the kubelet keeps them up to date.
        env: AWS_* variables: address of the inner port, and the administrator's keys.
        port: where the network is let in.
        process: finds the server.
    """
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    inner = urlsplit(env["AWS_ENDPOINT_URL_S3"])
    known = await asyncio.to_thread(config.read_bytes)
    while not await asyncio.to_thread(bucket_made, bucket, env):  # noqa: ASYNC110  nobody could set an event
        await asyncio.sleep(RETRY_SECONDS)
    door = _Door(inner.hostname or "", inner.port or 80)
    watch = asyncio.create_task(_keep_told(config, known, process))
    async with await asyncio.start_server(door.pass_on, "", port) as server:  # listening is what readiness waits for
        await ended.wait()
        await _ended([watch])
        server.close_clients()  # SeaweedFS, too, would wait for every connection that a client keeps open
    await _ended(door.open)


class _Door:
    """Passes connections on to the inner port; `open` are those under way."""

    def __init__(self, host: str, port: int) -> None:
        self.open: set[asyncio.Task[None]] = set()
        self._inner = host, port

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  a coroutine runs in one
        self.open.add(task)
        task.add_done_callback(self.open.discard)
        await _forward(reader, writer, *self._inner)


async def _ended(tasks: Iterable[asyncio.Task[None]]) -> None:
    ending = [task for task in tasks if not task.done()]
    for task in ending:
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)


async def _keep_told(config: Path, known: bytes, process: Callable[[], int | None]) -> None:
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        now = await asyncio.to_thread(config.read_bytes)
        if now != known:
            await asyncio.to_thread(_tell, signal_for(known, now), process)
            known = now


def _tell(sent: signal.Signals, process: Callable[[], int | None]) -> None:
    number = process()
    if number is None:  # it reads them when it starts
        return
    with suppress(ProcessLookupError):
        os.kill(number, sent)
    log.warning("identities have changed: %s sent to SeaweedFS", sent.name)


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int) -> None:
    try:
        inner_reader, inner_writer = await asyncio.open_connection(host, port)
    except OSError:
        writer.close()
        return
    requests = asyncio.create_task(_copy(reader, inner_writer))
    try:
        await _copy(inner_reader, writer)  # the end of the answers is the end of the connection
    finally:
        await _ended([requests])
        inner_writer.close()
        writer.close()


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while chunk := await source.read(CHUNK):
            sink.write(chunk)
            await sink.drain()
        sink.write_eof()  # a client may end its requests before it has read the last answer
    except OSError:
        sink.close()


def _access_keys(config: bytes) -> set[str]:
    return {c["accessKey"] for identity in json.loads(config)["identities"] for c in identity["credentials"]}


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], Path(sys.argv[2]), os.environ))
