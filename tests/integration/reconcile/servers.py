"""What a kubelet and a kube-proxy do for serving pods, with the real server: each revision's pod is a process on an
address of its own that follows its plan; names of Services in a plan become addresses."""

import asyncio
import json
import os
import random
from dataclasses import dataclass, field
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

from perennial.api.records.server import HTTP_PORT, REFUSED_EXIT_CODE, SERVER_VARIABLE, RolloutPlan, ServerConfig
from perennial.desired import labels
from perennial.kube.client import Kube
from perennial.kube.resources import Ref
from tests.integration.reconcile.rollouts import MERGE, start_servers
from tests.integration.reconcile.world import World
from tests.integration.serving.server import ServerProcess


@dataclass
class Servers:
    """The serving pods of one namespace, one of each revision that has replicas."""

    world: World
    running: dict[str, ServerProcess] = field(default_factory=dict)  # by revision label
    refused: dict[str, ServerProcess] = field(default_factory=dict)  # ended, for they refused their model
    network: str = field(default_factory=lambda: f"127.{random.randint(1, 250)}.{random.randint(1, 250)}")

    async def follow(self) -> None:
        """Bring pods to what the API server holds: start, stop, hand over plans, report what is ready."""
        deployments = {d["metadata"]["labels"][labels.REVISION]: d for d in await self.world.items("Deployment")}
        wanted = {short: d for short, d in deployments.items() if d["spec"]["replicas"]}
        for short in self.running.keys() - wanted.keys():
            await asyncio.to_thread(self.running.pop(short).stop)
            await self.world.delete("Pod", f"pod-{short}")
        for short in wanted.keys() - self.running.keys() - self.refused.keys():
            await self._start(short, wanted[short])
        for plan in await self.world.items("ConfigMap"):
            server = self.running.get(plan["metadata"].get("labels", {}).get(labels.REVISION, ""))
            if server is not None:
                await asyncio.to_thread(server.follow, self._resolved(plan["data"]["plan.json"]), within=20.0)
        await start_servers(self.world, but=self.refused)

    async def of_service(self, name: str) -> ServerProcess:
        """The pod behind a Service."""
        service = await self.world.get("Service", name)
        return self.running[service["spec"]["selector"][labels.REVISION]]

    def stop(self) -> None:
        """End them all."""
        for server in self.running.values():
            server.stop()

    async def _start(self, short: str, deployment: dict[str, Any]) -> None:
        template = deployment["spec"]["template"]
        env = {e["name"]: e.get("value", "") for e in template["spec"]["containers"][0]["env"]}
        config = ServerConfig.from_json(env[SERVER_VARIABLE])
        address = f"{self.network}.{len(os.listdir(self.world.folder)) % 250 + 1}"
        folder = self.world.folder / f"server-{short}"
        with mock.patch.dict(os.environ, self.world.env):
            server = ServerProcess(config, folder, grpc=True, address=address, port=HTTP_PORT)
        await asyncio.to_thread(_wait, server)
        refuses = server.process.poll() == REFUSED_EXIT_CODE
        (self.refused if refuses else self.running)[short] = server
        await self._tell_api_server(short, template["metadata"]["labels"], address)

    async def _tell_api_server(self, short: str, held: dict[str, str], address: str) -> None:
        spec = {"containers": [{"name": "server", "image": "server:1"}]}
        metadata = {"name": f"pod-{short}", "namespace": self.world.namespace, "labels": held}
        status = {
            "phase": "Running",
            "podIP": address,
            "podIPs": [{"ip": address}],
            "conditions": [{"type": "Ready", "status": "False" if short in self.refused else "True"}],
            "containerStatuses": [self._container(short)],
        }
        kube = Kube(self.world.access)
        await kube.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
        path = Ref("Pod", self.world.namespace, f"pod-{short}").path("status")
        await kube.raw("PATCH", path, body={"status": status}, content_type=MERGE)
        await kube.close()

    def _container(self, short: str) -> dict[str, Any]:
        container = {"name": "server", "image": "server:1", "imageID": "", "restartCount": 0}
        if short not in self.refused:
            return {**container, "ready": True, "state": {"running": {}}}
        told = self.refused[short].termination_log.read_text()
        ended = {"exitCode": REFUSED_EXIT_CODE, "reason": "Error", "message": told}
        return {**container, "ready": False, "state": {"terminated": ended}}

    def _resolved(self, text: str) -> RolloutPlan:
        plan = json.loads(text)
        name = (urlsplit(plan["candidateUrl"]).hostname or "").partition(".")[0]
        there = next((server for short, server in self.running.items() if name.endswith(short)), None)
        url, grpc = (there.url, f"{there.address}:{there.grpc_port}") if there else ("", "")
        return RolloutPlan.model_validate({**plan, "candidateUrl": url, "candidateGrpc": grpc})


def _wait(server: ServerProcess) -> None:
    """Until a server is ready, or has refused its model."""
    try:
        server.wait_ready()
    except AssertionError:
        if server.process.poll() != REFUSED_EXIT_CODE:
            raise
