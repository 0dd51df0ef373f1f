"""The four images as the chart runs them: own user, read-only root, all dependencies importable, no build tools."""

from __future__ import annotations

import json

import pytest

from hack.demo import install
from hack.localnode import engines
from tests.support.node import RunningNode
from tests.support.pods import finished, logs, python_pod

pytestmark = [pytest.mark.node, pytest.mark.timeout(1700)]  # the first of them builds the images

MODULES = {
    "operator": "perennial boto3 pydantic yaml kopf aiohttp cronsim prometheus_client uvloop numpy scipy.special",
    "trainer": "perennial boto3 numpy sklearn.ensemble pandas pyarrow.parquet pyarrow.csv skops.io skl2onnx onnx"
    " onnxruntime optuna lightgbm xgboost jinja2 matplotlib.figure",
    "server": "perennial boto3 numpy uvicorn uvloop httptools msgspec onnxruntime sklearn.ensemble pandas pyarrow"
    " skops.io lightgbm xgboost grpc google.protobuf",
    "s3": "",
}
_LOOK = """
import importlib, importlib.util, json, os, shutil
failed = {}
for name in %r.split():
    try: importlib.import_module(name)
    except Exception as error: failed[name] = repr(error)
tools = [tool for tool in ("gcc", "cc", "c++", "make", "pip") if shutil.which(tool)]
print(json.dumps({"uid": os.getuid(), "failed": failed, "tools": tools, "pip": bool(importlib.util.find_spec("pip"))}))
"""


@pytest.fixture(scope="module")
def tag(node: RunningNode) -> str:
    """The tag of the images of this very code, which the node has then; the demo uses the same."""
    return install.images()


@pytest.mark.parametrize("target", engines.TARGETS)
def test_an_image_imports_its_dependencies_as_its_own_user_without_tools(
    node: RunningNode, node_namespace: str, tag: str, target: str
) -> None:
    image = engines.image_name(target, tag)
    work = {"volumeMounts": [{"name": "work", "mountPath": "/work"}]}
    pod = python_pod(target, image, _LOOK % MODULES[target], user=None, **work)
    pod["spec"]["volumes"] = [{"name": "work", "emptyDir": {}}]
    ended = finished(node, node_namespace, pod, seconds=240)
    said = logs(node, node_namespace, target)
    assert ended["exitCode"] == 0, said
    assert json.loads(said.splitlines()[-1]) == {"uid": 65532, "failed": {}, "tools": [], "pip": False}


def test_the_object_storage_image_runs_its_server(node: RunningNode, node_namespace: str, tag: str) -> None:
    image = engines.image_name("s3", tag)
    pod = python_pod("weed", image, "", user=None, command=["weed", "version"])
    assert finished(node, node_namespace, pod)["exitCode"] == 0
    assert "4.48" in logs(node, node_namespace, "weed")
