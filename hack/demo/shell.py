"""Running the commands that a user would type, with their output in a log and their time shown."""

import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from hack.demo.failure import DemoFailed

ROOT = Path(__file__).resolve().parent.parent.parent
LOG = ROOT / ".demo" / "log"
console = Console(highlight=False)


def run(*command: str, env: Mapping[str, str] | None = None, given: str | None = None, check: bool = True) -> str:
    """Run a command; its standard output. Everything it says is in .demo/log.

    Raises:
        DemoFailed: it failed; the end of what it said is in the message.
    """
    LOG.parent.mkdir(exist_ok=True)
    done = subprocess.run(
        command, env={**os.environ, **(env or {})}, input=given, capture_output=True, text=True, cwd=ROOT, check=False
    )
    with LOG.open("a") as log:
        log.write(f"$ {' '.join(command)}\n{done.stdout}{done.stderr}\n")
    if check and done.returncode != 0:
        said = (done.stderr or done.stdout).strip()[-1500:]
        raise DemoFailed(
            f"`{' '.join(command[:6])}` failed with code {done.returncode}:\n{said}\nThe rest is in {LOG}."
        )
    return done.stdout


def show(*command: str, env: Mapping[str, str] | None = None) -> None:
    """Run a command whose own progress is worth seeing.

    Raises:
        DemoFailed: it failed.
    """
    done = subprocess.run(command, env={**os.environ, **(env or {})}, cwd=ROOT, check=False)
    if done.returncode != 0:
        raise DemoFailed(f"`{' '.join(command)}` failed with code {done.returncode}; what it said stands above")


@contextmanager
def step(title: str) -> Iterator[None]:
    """Show what is being done, and how long it took."""
    began = time.monotonic()
    with console.status(f"{title} …"):
        yield
    console.print(f"[green]✓[/] {title} [dim]{time.monotonic() - began:.1f} s[/]")


class Cluster:
    """kubectl and helm against the demo's cluster."""

    def __init__(self, kubeconfig: str, path: str, context: str | None) -> None:
        self.env = {"KUBECONFIG": kubeconfig, "PATH": f"{path}{os.pathsep}{os.environ['PATH']}"}
        self._context = context

    def kubectl(self, *arguments: str, given: str | None = None, check: bool = True) -> str:
        """kubectl's standard output."""
        context = ("--context", self._context) if self._context else ()
        return run("kubectl", *context, *arguments, env=self.env, given=given, check=check)

    def helm(self, *arguments: str) -> str:
        """helm's standard output."""
        context = ("--kube-context", self._context) if self._context else ()
        return run("helm", *context, *arguments, env=self.env)

    def get(self, kind: str, name: str, namespace: str) -> dict[str, Any]:
        """An object as JSON; empty when there is none."""
        text = self.kubectl("get", kind, name, "-n", namespace, "-o", "json", "--ignore-not-found")
        body: dict[str, Any] = json.loads(text) if text.strip() else {}
        return body

    def items(self, kind: str, namespace: str) -> list[dict[str, Any]]:
        """All objects of a kind in a namespace."""
        found: list[dict[str, Any]] = json.loads(self.kubectl("get", kind, "-n", namespace, "-o", "json"))["items"]
        return found
