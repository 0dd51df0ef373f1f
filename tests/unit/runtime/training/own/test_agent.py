"""Beside the code: what it answers for progress, whatever the code writes."""

from pathlib import Path

import pytest

from perennial.api.records.task import Progress
from perennial.runtime.training.own.agent import progress_of
from perennial.runtime.training.own.places import Places


@pytest.fixture
def places(tmp_path: Path) -> Places:
    made = Places(tmp_path / "run", tmp_path / "private")
    made.output.mkdir(parents=True)
    made.private.mkdir()
    return made


def stage(places: Places, name: str, percent: int = 22) -> None:
    places.progress.write_bytes(Progress(stage=name, percent=percent).to_json())


def data_is_there(places: Places) -> None:
    facts = (
        '{"runDigest":"d","dataDigest":"d","environmentDigest":"e","versions":{},"train":[],"bytes":1,"columns":1,'
        '"holdoutRows":0,"kind":"classifier","timings":{},"begun":1,"ended":2}'
    )
    places.handover.write_text(facts)


def test_before_anything_is_said_the_run_is_being_named(places: Places) -> None:
    assert progress_of(places).stage == "resolve"


def test_our_own_containers_are_told_by_their_stages(places: Places) -> None:
    stage(places, "fetch", 12)
    assert progress_of(places) == Progress(stage="fetch", percent=12)
    data_is_there(places)
    stage(places, "evaluate", 88)
    assert progress_of(places).stage == "evaluate"


@pytest.mark.parametrize(
    ("written", "percent", "message"),
    [
        ('{"percent": 50, "message": "epoch 5"}', 48, "epoch 5"),
        ('{"percent": 900}', 75, ""),
        ('{"percent": "NaN"}', 22, ""),
        ("[1]", 22, ""),
        ("{", 22, ""),
        (None, 22, ""),
    ],
)
def test_the_code_is_told_by_its_progress_and_nothing_it_writes_is_an_error(
    places: Places, written: str | None, percent: int, message: str
) -> None:
    stage(places, "preprocess")
    data_is_there(places)
    if written is not None:
        (places.output / "progress.json").write_text(written)
    assert progress_of(places) == Progress(stage="train", percent=percent, message=message)
