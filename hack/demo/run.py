"""The demo from beginning to end: install, feed, train, serve, feed again, retrain, roll out."""

import json
import time
from collections.abc import Callable

from rich.live import Live
from rich.panel import Panel

from hack.demo import install
from hack.demo.chain import condition, drawn, is_true
from hack.demo.data import FIRST, LATER, Bucket, prepare, requests_of
from hack.demo.failure import DemoFailed
from hack.demo.forwards import Forwards
from hack.demo.install import NAMESPACE
from hack.demo.shell import ROOT, Cluster, console, step
from hack.demo.traffic import Traffic, ask, request_body

MODEL = "flight-delays"
OBJECTS = ROOT / "examples" / "flights" / "objects"
LIMIT = 900.0

PLAN = """\
1  a Kubernetes node on this machine (or --context), an S3 server, the operator by its Helm chart
2  real data: flights from New York, January to March 2013, as Parquet objects
3  three objects: a ModelTraining, a ModelDeployment, a RetrainPolicy
4  later months arrive → the policy retrains → version 2 is judged, rolled out by steps, promoted

Nothing outside .demo, .cache and the node's own state is touched; `make demo-down` removes it."""


def up(context: str | None) -> None:
    """Everything, idempotently: a second run goes on from what is there.

    Raises:
        DemoFailed: a step failed; the message says what to do.
    """
    began = time.monotonic()
    console.print(Panel(PLAN, title="Perennial: the whole loop", border_style="green"))
    target = install.cluster(context)
    install.operator(target, install.images())
    prepare()
    forwards = Forwards()
    bucket = Bucket(target, forwards)
    with step("January to March are in the bucket"):
        for month in FIRST:
            bucket.put(month)
    with step("kubectl apply -f examples/flights/objects/"):
        target.kubectl("apply", "-n", NAMESPACE, "-f", str(OBJECTS))
    _until(target, "a version serves", lambda: _serving(target) >= 1, {})
    url = forwards.url(NAMESPACE, MODEL, 80)
    traffic = Traffic(url, MODEL, requests_of(FIRST[-1]))
    traffic.start()
    try:
        first = _serving(target)
        _feed(target, bucket, traffic)
        _until(target, f"a version after {first} is promoted", lambda: _promoted(target, first), traffic.answers)
    finally:
        traffic.stop()
    _end(target, url, traffic, time.monotonic() - began)


def _feed(target: Cluster, bucket: Bucket, traffic: Traffic) -> None:
    month = next((m for m in LATER if not bucket.holds(m)), None)
    if month is None:
        console.print("every later month is there already; asking for a retraining by hand")
        target.kubectl(
            "annotate", "rtp", MODEL, "-n", NAMESPACE, "--overwrite", f"perennial.dev/retrain={int(time.time())}"
        )
        return
    with step(f"a new month arrives: 2013-{month:02d}"):
        bucket.put(month)
    traffic.use(requests_of(month))


def _until(target: Cluster, what: str, done: Callable[[], bool], served: dict[str, int]) -> None:
    console.print(f"[dim]waiting until {what}[/]")
    end = time.monotonic() + LIMIT
    with Live(console=console, refresh_per_second=4) as live:
        while True:
            trainings = target.items("mtr", NAMESPACE)
            deployment, policy = target.get("mdp", MODEL, NAMESPACE), target.get("rtp", MODEL, NAMESPACE)
            live.update(drawn(trainings, deployment, policy, served))
            if done():
                return
            _give_up(trainings, end, what)
            time.sleep(1.0)


def _give_up(trainings: list[dict[str, object]], end: float, what: str) -> None:
    for training in trainings:
        if is_true(training, "Stalled"):
            raise DemoFailed(f"the training ended: {condition(training, 'Stalled').get('message')}")
    if time.monotonic() > end:
        raise DemoFailed(
            f"after {LIMIT:.0f} s it is still not so that {what}; kubectl describe mtr,mdp,rtp -n {NAMESPACE}"
        )


def _serving(target: Cluster) -> int:
    deployment = target.get("mdp", MODEL, NAMESPACE)
    stable = deployment.get("status", {}).get("stable") or {}
    return int(stable.get("version") or 0) if is_true(deployment, "Ready") else 0


def _promoted(target: Cluster, first: int) -> bool:
    deployment = target.get("mdp", MODEL, NAMESPACE)
    history = deployment.get("status", {}).get("history", [])
    return any(h["result"] == "Promoted" and (h.get("version") or 0) > first for h in history)


def _end(target: Cluster, url: str, traffic: Traffic, seconds: float) -> None:
    row = requests_of(FIRST[0])[0]
    answer, version = ask(f"{url}/v2/models/{MODEL}/infer", [row])
    console.print(target.kubectl("get", "mtr,mdp,rtp", "-n", NAMESPACE))
    counted = ", ".join(f"version {v}: {n}" for v, n in sorted(traffic.answers.items()))
    console.print(f"requests answered: {counted}; failed: {len(traffic.failures)}")
    console.print(f"version {version} says: {json.dumps(answer['outputs'])[:300]}", markup=False)
    kubeconfig = target.env["KUBECONFIG"]
    example = ROOT / ".demo" / "request.json"
    example.write_text(json.dumps(request_body([row]), indent=1))
    console.print(
        Panel(
            f'eval "$(hack/cluster env)"                       # kubectl and helm for this cluster\n'
            f"kubectl get mtr,mdp,rtp -n {NAMESPACE} -o wide\n"
            f"kubectl get mdp {MODEL} -n {NAMESPACE} -o yaml      # what serves, and why\n"
            f"curl -s {url}/v2/models/{MODEL}/infer -d @.demo/request.json\n"
            f"kubectl annotate rtp {MODEL} -n {NAMESPACE} perennial.dev/retrain=$(date +%s)\n"
            f"make demo-down                                    # remove everything\n\n"
            f"the model: {url}      kubeconfig: {kubeconfig}",
            title=f"the loop closed in {seconds:.0f} s; try next",
            border_style="green",
        )
    )


def down() -> None:
    """Remove what `up` made."""
    install.remove()
