"""Services of the cluster, reachable on 127.0.0.1 of this machine."""

import re

from hack.demo.failure import DemoFailed
from hack.demo.shell import run


class Forwards:
    """One forwarder a Service; `hack/cluster down` ends them."""

    def __init__(self) -> None:
        self._urls: dict[tuple[str, str, int], str] = {}

    def url(self, namespace: str, service: str, port: int) -> str:
        """`http://127.0.0.1:<port>` of a Service.

        Raises:
            DemoFailed: the forwarder did not start.
        """
        key = (namespace, service, port)
        if key not in self._urls:
            said = run("hack/cluster", "forward", "-n", namespace, f"svc/{service}", "--port", str(port))
            found = re.search(r"127\.0\.0\.1:\d+", said)
            if not found:
                raise DemoFailed(f"hack/cluster forward said no address for svc/{service}: {said}")
            self._urls[key] = f"http://{found[0]}"
        return self._urls[key]
