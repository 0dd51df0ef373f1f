"""The flights, by month, in the demo's bucket. Later months are held back until the loop needs them."""

import json
import os
from base64 import b64decode
from pathlib import Path
from random import Random

import pyarrow.parquet as pq

from examples.flights.prepare import month_name, write_months
from hack.demo.forwards import Forwards
from hack.demo.install import NAMESPACE, RELEASE, SYSTEM
from hack.demo.shell import ROOT, Cluster, step
from perennial.store import open_store

FIRST = (1, 2, 3)
LATER = (4, 5, 6)
FOLDER = ROOT / ".demo" / "flights"


class Bucket:
    """The data sets of the demo's namespace, written as their owner would."""

    def __init__(self, target: Cluster, forwards: Forwards) -> None:
        secret = json.loads(target.kubectl("get", "secret", f"{RELEASE}-s3", "-n", SYSTEM, "-o", "json"))["data"]
        keys = {k: b64decode(v).decode() for k, v in secret.items() if k.startswith("AWS_")}
        endpoint = forwards.url(SYSTEM, f"{RELEASE}-s3", 8333)
        env = {**os.environ, **keys, "AWS_ENDPOINT_URL_S3": endpoint}
        self._store = open_store(f"s3://perennial/datasets/{NAMESPACE}/flights", env)

    def holds(self, month: int) -> bool:
        """Whether a month was put there before."""
        return self._store.head(month_name(month)) is not None

    def put(self, month: int) -> None:
        """Put a month there; again is no change."""
        if not self.holds(month):
            self._store.put_file(month_name(month), FOLDER / month_name(month))


def prepare() -> None:
    """Make the months once."""
    months = FIRST + LATER
    if not all((FOLDER / month_name(m)).exists() for m in months):
        with step("2013 flights from New York, one Parquet object a month"):
            write_months(FOLDER, months)


def requests_of(month: int) -> list[dict[str, object]]:
    """Rows from all over a month, in no order, as clients would send them: features only, as JSON.

    In the month's own order a minute of requests would be a week of weather, and no two minutes alike.
    """
    return _rows(FOLDER / month_name(month))


def _rows(path: Path) -> list[dict[str, object]]:
    table = pq.read_table(path).drop_columns(["late", "time", "id"])
    table = table.take(list(range(0, table.num_rows, max(1, table.num_rows // 2000))))
    rows: list[dict[str, object]] = json.loads(table.to_pandas().to_json(orient="records", date_format="iso"))
    Random(0).shuffle(rows)
    return rows
