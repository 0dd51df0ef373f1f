"""How this installation is set up: read once from the environment, which the chart fills in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, cast
from urllib.parse import urlsplit

PullPolicy = Literal["Always", "IfNotPresent", "Never"]


class ConfigError(ValueError):
    """An environment variable is missing or has a value that cannot be meant."""


@dataclass(frozen=True, slots=True)
class OperatorConfig:
    """Settings that hold for all objects."""

    registry: str  # s3://bucket/prefix or file:///folder, without a trailing slash
    trainer_image: str
    server_image: str
    namespace: str  # where the operator itself runs: its Lease and its own events
    identity: str  # who holds the Lease: the pod's name
    image_pull_policy: PullPolicy = "IfNotPresent"
    allowed_data_prefixes: tuple[str, ...] = ()  # with `{namespace}` for the object's own
    watch_namespaces: tuple[str, ...] = ()  # empty: the whole cluster
    prometheus_addresses: tuple[str, ...] = field(default=(), repr=False)  # that rollouts may query; may hold passwords
    workers: int = 32
    port: int = 8080

    @property
    def watched(self) -> tuple[str | None, ...]:
        """Namespaces to watch, `(None,)` for the whole cluster."""
        return self.watch_namespaces or (None,)

    def data_prefixes(self, namespace: str) -> tuple[str, ...]:
        """URIs below which the operator itself may list data for objects of a namespace."""
        return tuple(p.replace("{namespace}", namespace) for p in self.allowed_data_prefixes)


def load_config(environment: Mapping[str, str]) -> OperatorConfig:
    """The settings of `PERENNIAL_*` variables.

    Raises:
        ConfigError: naming the variable, what it holds and what it should hold.
    """
    pull = environment.get("PERENNIAL_IMAGE_PULL_POLICY", "IfNotPresent")
    if pull not in ("Always", "IfNotPresent", "Never"):
        raise ConfigError(f"PERENNIAL_IMAGE_PULL_POLICY is {pull!r}: expected Always, IfNotPresent or Never")
    registry = _required(environment, "PERENNIAL_REGISTRY", "s3://bucket/prefix")
    if not registry.startswith(("s3://", "file:///")):
        raise ConfigError(f"PERENNIAL_REGISTRY is {registry!r}: expected s3://bucket/prefix or file:///folder")
    return OperatorConfig(
        registry=registry.rstrip("/"),
        trainer_image=_required(environment, "PERENNIAL_TRAINER_IMAGE", "an image reference"),
        server_image=_required(environment, "PERENNIAL_SERVER_IMAGE", "an image reference"),
        namespace=_required(environment, "PERENNIAL_NAMESPACE", "the operator's own namespace"),
        identity=_required(environment, "PERENNIAL_POD_NAME", "the operator's pod name"),
        image_pull_policy=cast(PullPolicy, pull),
        allowed_data_prefixes=_list(environment, "PERENNIAL_ALLOWED_DATA_PREFIXES") or (_default_prefix(registry),),
        watch_namespaces=_list(environment, "PERENNIAL_WATCH_NAMESPACES"),
        prometheus_addresses=_addresses(environment, "PERENNIAL_PROMETHEUS_ADDRESSES"),
        workers=_number(environment, "PERENNIAL_WORKERS", 32),
        port=_number(environment, "PERENNIAL_PORT", 8080),
    )


def _default_prefix(registry: str) -> str:
    scheme, _, rest = registry.partition("://")
    root = rest.rstrip("/").rpartition("/")[0] if scheme == "file" else rest.partition("/")[0]
    return f"{scheme}://{root}/datasets/{{namespace}}/"


def _required(environment: Mapping[str, str], name: str, what: str) -> str:
    value = environment.get(name, "")
    if not value:
        raise ConfigError(f"{name} is not set: expected {what}")
    return value


def _list(environment: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in environment.get(name, "").split(",") if part.strip())


def _addresses(environment: Mapping[str, str], name: str) -> tuple[str, ...]:
    addresses = _list(environment, name)
    for number, address in enumerate(addresses, 1):
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            # the address itself may hold a password and is not told
            raise ConfigError(
                f"{name}: address {number} is not of the form http(s)://[user:password@]host[:port][/path]"
            )
    return addresses


def _number(environment: Mapping[str, str], name: str, default: int) -> int:
    value = environment.get(name, str(default))
    if not value.isdigit() or int(value) < 1:
        raise ConfigError(f"{name} is {value!r}: expected a number of at least 1")
    return int(value)
