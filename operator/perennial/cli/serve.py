"""`perennial serve`: the cluster's server on this machine, for a run in storage or for the run of a file."""

import sys
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from perennial.cli.objects import BadFile, model_training
from perennial.cli.train import default_store

if TYPE_CHECKING:
    from perennial.api.records.run import RunRecord
    from perennial.api.records.server import ServerConfig

RUN_PARTS = 4  # <namespace>/<model>/runs/<digest>


def serve(
    run: Annotated[str, typer.Argument(metavar="RUN_URI|FILE", help="A run's URI, or a YAML file that was trained.")],
    name: Annotated[str | None, typer.Option(help="Name in the URLs; default: the model's.")] = None,
    port: Annotated[int, typer.Option(help="HTTP port.")] = 8080,
    grpc_port: Annotated[int, typer.Option(help="gRPC port; 0: no gRPC.")] = 8081,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    store: Annotated[str | None, typer.Option(help="Registry that a FILE was trained into.")] = None,
) -> None:
    """Serve a run: V2 and V1 over HTTP, V2 over gRPC, a page to try it at /."""
    registry, record = _of_uri(run) if "://" in run else _of_file(Path(run), store or default_store())
    config = config_of(record, registry, name)
    from perennial.runtime.serving import Boot
    from perennial.runtime.serving import run as run_server

    base = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"  # noqa: S104 - compared, not bound
    console = Console(stderr=True)
    console.print(
        f"[bold]{config.model}[/] at {base}/ (V2: {base}/v2/models/{config.model}/infer)",
        highlight=False,
        soft_wrap=True,
    )
    scratch = Path(mkdtemp(prefix="perennial-serve-"))
    boot = Boot.of(config, host=host, port=port, grpc_port=grpc_port or None, folder=scratch, plan=scratch / "plan")
    sys.exit(run_server(boot))


def config_of(record: "RunRecord", registry: str, name: str | None) -> "ServerConfig":
    """How to serve a run. Nothing is written: without a ModelDeployment there are no windows to keep."""
    from perennial.api.records.server import ServerConfig

    return ServerConfig(
        namespace=record.namespace,
        deployment="",
        model=name or record.model,
        registry=registry,
        model_prefix=f"{record.namespace}/{record.model}",
        run_digest=record.run_digest,
        artifact_digest=record.artifact.digest,
        formats=record.artifact.formats,
        files=record.files,
    )


def _of_uri(uri: str) -> "tuple[str, RunRecord]":
    parts = uri.removesuffix("/run.json").rstrip("/").split("/")
    registry = "/".join(parts[:-RUN_PARTS])
    if len(parts) <= RUN_PARTS or parts[-2] != "runs" or "://" not in registry:
        raise BadFile(f"{uri} is no run; expected <registry>/<namespace>/<model>/runs/<digest>")
    return registry, _read(registry, *parts[-4:-2], run_digest=parts[-1])


def _of_file(path: Path, registry: str) -> "tuple[str, RunRecord]":
    from perennial.api.identities import run_key

    training = model_training(path)
    namespace = training.metadata.namespace or "default"
    key = run_key(training.spec.normalised(), model=training.model, retrain=_retrain(training.metadata.annotations))
    return registry, _read(registry, namespace, training.model, key=key, file=path)


def _retrain(annotations: dict[str, str]) -> str | None:
    return annotations.get("perennial.dev/retrain")


def _read(
    registry: str, namespace: str, model: str, *, run_digest: str = "", key: str = "", file: Path | None = None
) -> "RunRecord":
    from perennial.store import open_store
    from perennial.store.errors import StorageError
    from perennial.store.registry import Registry

    try:
        runs = Registry(open_store(registry), namespace, model).runs
        record = runs.read(run_digest) if run_digest else runs.find(key)
    except StorageError as error:
        raise BadFile(f"{registry}: {error}") from None
    if record is None:
        hint = f"; train it first: perennial train -f {file}" if file else ""
        raise BadFile(f"{registry}/{namespace}/{model} holds no such run{hint}")
    return record
