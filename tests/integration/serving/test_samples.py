"""Rows that are written as rows: only when asked, only what was asked, within their bounds."""

from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from perennial.api.records.server import PayloadSampling, ServerMonitoring
from perennial.runtime.artifacts import FeatureChoice
from tests.integration.serving.artifacts import mixed_table, publish
from tests.integration.serving.server import ServerProcess

ROW = {"carrier": "AA", "distance": 100.0, "night": True, "at": "2026-01-05T00:00:00Z"}


def serve(tmp_path: Path, launch: Callable[..., ServerProcess], monitoring: ServerMonitoring) -> Path:
    config = publish(
        tmp_path / "registry",
        mixed_table(),
        target="late",
        estimator="sklearn.ensemble.HistGradientBoostingClassifier",
        features=FeatureChoice(id_column="id"),
        monitoring=monitoring,
    )
    server = launch(config).wait_ready()
    for i in range(10):
        rows = [{**ROW, "id": f"a{i}"}, {**ROW, "carrier": "DL", "id": f"b{i}"}]
        assert server.client.post("/v1/models/flights:predict", json={"instances": rows}).status_code == 200
    assert server.client.post("/v1/models/flights:predict", json={"instances": [ROW]}).status_code == 200
    assert server.stop() == 0
    return tmp_path / "registry" / "ns" / "_payloads"


def test_the_score_log_holds_every_identified_row_once(tmp_path: Path, launch: Callable[..., ServerProcess]) -> None:
    folder = serve(tmp_path, launch, ServerMonitoring(score_log=True))
    rows = [row for file in folder.rglob("scores/*/*.parquet") for row in pq.read_table(file).to_pylist()]
    assert sorted(row["id"] for row in rows) == sorted(f"{kind}{i}" for kind in "ab" for i in range(10))
    assert all(0 <= row["score"] <= 1 and row["label"] == ("yes" if row["score"] >= 0.5 else "no") for row in rows)
    assert len(list(folder.rglob("*.parquet"))) == 1


def test_payload_samples_leave_out_and_hash_what_was_said(tmp_path: Path, launch: Callable[..., ServerProcess]) -> None:
    sampling = PayloadSampling(sample_rate=1.0, exclude=["distance"], hash=["carrier"])
    folder = serve(tmp_path, launch, ServerMonitoring(payloads=sampling))
    (file,) = folder.rglob("*.parquet")
    table = pq.read_table(file)
    assert table.num_rows == 21
    assert set(table.column_names) == {"time", "carrier", "night", "at", "prediction"}
    carriers = set(table.column("carrier").to_pylist())
    assert len(carriers) == 2
    assert not carriers & {"AA", "DL"}


@pytest.mark.parametrize("sampling", [PayloadSampling(), PayloadSampling(sample_rate=1.0, max_bytes_per_hour=10)])
def test_nothing_is_written_by_default_or_beyond_the_hours_bytes(
    tmp_path: Path, launch: Callable[..., ServerProcess], sampling: PayloadSampling
) -> None:
    folder = serve(tmp_path, launch, ServerMonitoring(payloads=sampling))
    assert list(folder.rglob("*.parquet")) == []
