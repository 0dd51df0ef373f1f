"""The certificates of one cluster and the kubeconfigs made of them. Elliptic keys only: they are made in no time."""

from __future__ import annotations

import base64
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .failure import Failure

DAYS = 3650
CLIENT, SERVER = "clientAuth", "serverAuth"


@dataclass(frozen=True)
class Leaf:
    """A certificate that the cluster's CA signs. `sans` are entries as OpenSSL writes them, "DNS:x" or "IP:y"."""

    name: str
    common_name: str
    organisation: str = ""
    usage: str = CLIENT
    sans: tuple[str, ...] = ()


def issue(pki: Path, leaves: tuple[Leaf, ...]) -> None:
    """Make the CA, the service account key and all leaves that are not there yet.

    Raises Failure if OpenSSL refuses.
    """
    _authority(pki, "ca")
    # An authority that signs nothing: without one the other components log errors every few seconds.
    _authority(pki, "front-proxy-ca")
    if not (pki / "sa.pub").exists():
        _openssl(["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(pki / "sa.key")])
        _openssl(["ec", "-in", str(pki / "sa.key"), "-pubout", "-out", str(pki / "sa.pub")])
    for leaf in leaves:
        lines = ["basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature"]
        lines.append(f"extendedKeyUsage={leaf.usage}")
        if leaf.sans:
            lines.append("subjectAltName=" + ",".join(leaf.sans))
        subject = {"O": leaf.organisation, "CN": leaf.common_name}
        _certificate(pki, leaf.name, subject, lines, ["-CA", str(pki / "ca.crt"), "-CAkey", str(pki / "ca.key")])


def _authority(pki: Path, name: str) -> None:
    usage = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign,digitalSignature"]
    _certificate(pki, name, {"CN": f"perennial-{name}"}, usage, [])


def _certificate(pki: Path, name: str, subject: dict[str, str], extensions: list[str], signer: list[str]) -> None:
    finished = pki / f"{name}.crt"
    request = "\n".join(
        ["[req]", "prompt=no", "distinguished_name=dn", "x509_extensions=ext", "[dn]"]
        + [f"{field}={value}" for field, value in subject.items() if value]
        + ["[ext]", *extensions, ""]
    )
    config = pki / f"{name}.cnf"
    if finished.exists() and config.exists() and config.read_text() == request:
        return
    config.write_text(request)
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(pki / f"{name}.key")]
    unfinished = pki / f"{name}.unfinished"
    _openssl(["req", "-x509", "-config", str(config), "-days", str(DAYS), *key, *signer, "-out", str(unfinished)])
    unfinished.replace(finished)


def _openssl(arguments: list[str]) -> None:
    run = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise Failure(f"openssl {arguments[0]} failed: {run.stderr.strip()}")


def write_kubeconfig(pki: Path, user: str, server: str, target: Path) -> None:
    """A kubeconfig with the certificates inside it, readable by the owner alone; JSON is YAML."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": "perennial", "cluster": {"server": server, "certificate-authority-data": _data(pki / "ca.crt")}}
        ],
        "users": [{"name": user, "user": _credentials(pki, user)}],
        "contexts": [{"name": "perennial", "context": {"cluster": "perennial", "user": user}}],
        "current-context": "perennial",
    }
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.unfinished")
    unfinished.touch(mode=0o600)
    unfinished.write_text(json.dumps(content, indent=2) + "\n")
    unfinished.replace(target)


def _credentials(pki: Path, user: str) -> dict[str, str]:
    return {
        "client-certificate-data": _data(pki / f"{user}.crt"),
        "client-key-data": _data(pki / f"{user}.key"),
    }


def _data(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
