"""The chain as it grows: what each object says now, drawn by rich. Reads statuses, decides nothing."""

from typing import Any

from rich.console import Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

Body = dict[str, Any]
STAGES = ("resolve", "fetch", "validate", "split", "preprocess", "refine", "evaluate", "package", "publish")


def condition(body: Body, type_: str) -> Body:
    """A condition of an object, empty when it has none."""
    conditions = body.get("status", {}).get("conditions", [])
    found: Body = next((c for c in conditions if c["type"] == type_), {})
    return found


def is_true(body: Body, type_: str) -> bool:
    """Whether a condition is True."""
    return condition(body, type_).get("status") == "True"


def drawn(trainings: list[Body], deployment: Body, policy: Body, served: dict[str, int]) -> Group:
    """The whole chain as one picture."""
    table = Table(box=None, pad_edge=False, show_header=True, header_style="dim")
    for name in ("link", "state", "what it says"):
        table.add_column(name, overflow="fold")
    for training in sorted(trainings, key=lambda t: str(t["metadata"]["creationTimestamp"])):
        table.add_row(*_training(training))
    if deployment:
        table.add_row(*_deployment(deployment))
    if policy:
        table.add_row(*_policy(policy))
    answers = ", ".join(f"version {v}: {n}" for v, n in sorted(served.items()))
    return Group(table, Text(f"answers so far   {answers}" if answers else "", style="dim"))


def _training(body: Body) -> tuple[Text, Text | ProgressBar, str]:
    status, succeeded = body.get("status", {}), condition(body, "Succeeded")
    version, run = status.get("version", {}), status.get("run", {})
    name = Text(f"training {body['metadata']['name']}")
    if version:
        colour = {"Approved": "green", "Refused": "red"}.get(version["state"], "yellow")
        data = status.get("data", {})
        told = f"{status.get('keyMetric', '')}, {data.get('rows', 0):,} rows, run {run.get('digest', '')[7:17]}"
        return name, Text(f"version {version['number']} {version['state']}", style=colour), told
    percent = (run.get("progress") or {}).get("percent", 0)
    if succeeded.get("status") == "False":
        return name, Text(str(succeeded.get("reason")), style="red"), str(succeeded.get("message", ""))
    return name, ProgressBar(total=100, completed=percent, width=24), str(succeeded.get("message", ""))


def _deployment(body: Body) -> tuple[Text, Text, str]:
    status = body.get("status", {})
    stable, candidate = status.get("stable"), status.get("candidate")
    shown = f"version {stable['version']} serves" if stable else "nothing serves yet"
    if candidate:
        shown += f" · version {candidate['version']} at {candidate.get('weight', 0)} %"
    colour = "green" if is_true(body, "Ready") else "yellow"
    return Text(f"deployment {body['metadata']['name']}"), Text(shown, style=colour), _progress(body)


def _progress(body: Body) -> str:
    return str(condition(body, "Progressing").get("message") or condition(body, "Ready").get("message", ""))


def _policy(body: Body) -> tuple[Text, Text, str]:
    allowed = condition(body, "RetrainAllowed")
    drift = body.get("status", {}).get("drift", {})
    state = f"drift: {drift['state']}" if drift else str(allowed.get("reason", ""))
    return Text(f"policy {body['metadata']['name']}"), Text(state), str(allowed.get("message", ""))
