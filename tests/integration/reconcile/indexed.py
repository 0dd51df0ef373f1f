"""What Kubernetes does with an Indexed Job, one pod a call: tried again by index, given up by index or as a whole.

As batch/v1 says: `backoffLimitPerIndex`, `maxFailedIndexes` and failure rules by exit code. Higher indexes go first,
so that nobody can rely on an order.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from perennial.desired import labels
from perennial.kube.client import Kube
from perennial.kube.resources import Ref

MERGE = "application/merge-patch+json"
Pod = Callable[[Mapping[str, Any], dict[str, str]], Awaitable[tuple[int, str]]]
"""Runs the container with more environment; its exit code and termination message."""


async def one_pod(kube: Kube, job: Mapping[str, Any], run: Pod) -> None:
    """Run the next pod of a Job and write what follows to the API server."""
    namespace, name = job["metadata"]["namespace"], job["metadata"]["name"]
    pods = [
        p
        for p in await kube.list("Pod", namespace)
        if p["metadata"]["ownerReferences"][0]["uid"] == job["metadata"]["uid"]
    ]
    index = max(_open(job, pods))
    code, message = await run(job, {"JOB_COMPLETION_INDEX": str(index)})
    pods.append(await _written(kube, job, index, code, message))
    ref = Ref("Job", namespace, name)
    status = {**_status(job, pods), "startTime": job.get("status", {}).get("startTime") or _now()}
    await kube.raw("PATCH", ref.path("status"), body={"status": status}, content_type=MERGE)


def _open(job: Mapping[str, Any], pods: list[dict[str, Any]]) -> list[int]:
    codes = _codes(pods)
    return [i for i in range(job["spec"]["completions"]) if not _over(job, codes.get(i, []))]


def _codes(pods: list[dict[str, Any]]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for pod in pods:
        index = int(pod["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"])
        found.setdefault(index, []).append(pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"])
    return found


def _action(job: Mapping[str, Any], code: int) -> str:
    rules = job["spec"]["podFailurePolicy"]["rules"]
    return next((r["action"] for r in rules if code in r.get("onExitCodes", {}).get("values", ())), "Count")


def _given_up(job: Mapping[str, Any], codes: list[int]) -> bool:
    final = any(code and _action(job, code) == "FailIndex" for code in codes)
    return final or (0 not in codes and len(codes) > job["spec"]["backoffLimitPerIndex"])


def _over(job: Mapping[str, Any], codes: list[int]) -> bool:
    return 0 in codes or _given_up(job, codes)


def _status(job: Mapping[str, Any], pods: list[dict[str, Any]]) -> dict[str, Any]:
    codes, total = _codes(pods), job["spec"]["completions"]
    lost = [i for i in range(total) if _given_up(job, codes.get(i, []))]
    won = [i for i in range(total) if 0 in codes.get(i, [])]
    reason = _failed_as_a_whole(job, codes, lost)
    if not reason and len(lost) + len(won) == total and lost:
        reason = "FailedIndexes"
    counts = {
        "active": 0,
        "completedIndexes": ",".join(map(str, won)),
        "succeeded": len(won),
        "failed": sum(code != 0 for found in codes.values() for code in found),
        "failedIndexes": ",".join(map(str, lost)),
    }
    if reason:
        return {**counts, "conditions": _conditions("FailureTarget", "Failed", reason)}
    if len(won) == total:
        return {**counts, "completionTime": _now(), "conditions": _conditions("SuccessCriteriaMet", "Complete")}
    return {**counts, "active": min(job["spec"]["parallelism"], total - len(lost) - len(won))}


def _failed_as_a_whole(job: Mapping[str, Any], codes: Mapping[int, list[int]], lost: list[int]) -> str:
    if any(code and _action(job, code) == "FailJob" for found in codes.values() for code in found):
        return "PodFailurePolicy"
    return "MaxFailedIndexesExceeded" if len(lost) > job["spec"]["maxFailedIndexes"] else ""


def _conditions(first: str, then: str, reason: str = "") -> list[dict[str, Any]]:
    now, why = _now(), {"reason": reason, "message": reason} if reason else {}
    return [
        {"type": t, "status": "True", "lastTransitionTime": now, "lastProbeTime": now, **why} for t in (first, then)
    ]


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


async def _written(kube: Kube, job: Mapping[str, Any], index: int, code: int, message: str) -> dict[str, Any]:
    meta = job["metadata"]
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": meta["name"], "uid": meta["uid"], "controller": True}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{meta['name']}-{index}-{uuid4().hex[:5]}",
            "namespace": meta["namespace"],
            "labels": {labels.KIND: "ModelTraining"},
            "annotations": {"batch.kubernetes.io/job-completion-index": str(index)},
            "ownerReferences": [owner],
        },
        "spec": {"containers": [{"name": "trainer", "image": "x"}], "restartPolicy": "Never"},
    }
    await kube.create(pod)
    reason = "Completed" if code == 0 else "OOMKilled" if code == 137 else "Error"
    ended = {"exitCode": code, "reason": reason, "message": message, "finishedAt": _now(), "startedAt": _now()}
    container = {
        "name": "trainer", "image": "x", "imageID": "x", "ready": False, "restartCount": 0,
        "state": {"terminated": {**ended, "containerID": "x://1"}},
    }  # fmt: skip
    status = {"phase": "Failed" if code else "Succeeded", "containerStatuses": [container]}
    ref = Ref("Pod", meta["namespace"], pod["metadata"]["name"])  # type: ignore[index]
    live: dict[str, Any] = await kube.raw("PATCH", ref.path("status"), body={"status": status}, content_type=MERGE)
    return live
