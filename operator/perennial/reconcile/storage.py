"""The one way from the event loop to blocking object-storage calls: a bounded pool of threads of their own."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

THREADS = 24
"""boto3 calls wait on the network; more threads than this only queue at the store."""


class StoragePool:
    """Runs blocking functions outside the loop; at most `THREADS` at a time, the rest wait in line."""

    def __init__(self, threads: int = THREADS) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="storage")

    async def run[T, **P](self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a blocking function; its result or its exception is the caller's."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(function, *args, **kwargs))

    def close(self) -> None:
        """Take no more work; what runs ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)
