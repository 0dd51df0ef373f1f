"""Where the API server is and how we prove who we are: in-cluster token or kubeconfig, refreshed before it expires.

One source for the three clients of a process: ours, kopf's and the lease thread's. It sends no request itself.
"""

import asyncio
import os
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import aiohttp
from kubernetes.client import Configuration
from kubernetes.config import ConfigException, load_incluster_config, load_kube_config

from perennial.kube.errors import KubeError

TOKEN_SECONDS = 60.0
"""A projected token is rotated long before it ends; reading it again once a minute is what client-go does."""


class NoAccess(KubeError):
    """Neither a service account nor a usable kubeconfig."""


@dataclass
class Access:
    """The server's address, its TLS context and the current `Authorization` header."""

    server: str
    tls: ssl.SSLContext | None
    read_header: Callable[[], str | None]  # may read a file or run a credential plugin: never on the loop
    _header: str | None = None
    _read_at: float = field(default=float("-inf"))

    def header(self) -> str | None:
        """The `Authorization` header, at most a minute old. Blocking: for threads."""
        if time.monotonic() - self._read_at > TOKEN_SECONDS:
            self._header, self._read_at = self.read_header(), time.monotonic()
        return self._header

    async def header_async(self) -> str | None:
        """The same for the event loop."""
        if time.monotonic() - self._read_at > TOKEN_SECONDS:
            return await asyncio.to_thread(self.header)
        return self._header

    def forget(self) -> None:
        """The server refused the header: read it again before the next request."""
        self._read_at = float("-inf")

    def session(self, *, timeout: aiohttp.ClientTimeout | None = None) -> aiohttp.ClientSession:
        """A new session that signs every request; the caller closes it."""

        async def sign(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
            header = await self.header_async()
            if header:
                request.headers["Authorization"] = header
            answer = await send(request)
            if answer.status == 401:
                self.forget()
            return answer

        connector = aiohttp.TCPConnector(limit=0, ssl=self.tls if self.tls is not None else True)
        return aiohttp.ClientSession(
            connector=connector, middlewares=(sign,), timeout=timeout or aiohttp.ClientTimeout()
        )


def load_access() -> Access:
    """Credentials of the pod's service account, else of the kubeconfig (`KUBECONFIG` or `~/.kube/config`).

    Raises:
        NoAccess: neither is there or usable.
    """
    configuration = Configuration()
    try:
        load_incluster_config(client_configuration=configuration)
    except ConfigException as in_cluster:
        try:
            # Read here, for the library reads the variable only once, when it is imported.
            load_kube_config(os.environ.get("KUBECONFIG"), client_configuration=configuration, persist_config=False)
        except (ConfigException, OSError) as kubeconfig:
            raise NoAccess(
                f"no access to an API server: not in a pod ({in_cluster}), and no usable kubeconfig ({kubeconfig}); "
                "set KUBECONFIG or run with a service account"
            ) from kubeconfig
    return Access(str(configuration.host).rstrip("/"), _tls(configuration), lambda: _header(configuration))


def _header(configuration: Configuration) -> str | None:
    # The name of the key depends on the loader: "BearerToken" in a pod, "authorization" from some kubeconfigs.
    for key in ("BearerToken", "authorization"):
        value = configuration.get_api_key_with_prefix(key)
        if value:
            return str(value)
    if configuration.username:
        return str(configuration.get_basic_auth_token())
    return None


def _tls(configuration: Configuration) -> ssl.SSLContext | None:
    if str(configuration.host).startswith("http://"):
        return None
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
