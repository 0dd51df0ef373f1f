"""Results of trials: the first one stays, a search is claimed once, and what one search gave up binds no other."""

from pathlib import Path

import pytest

from perennial.api.records.trial import LostTrial, TrialRecord
from perennial.store import open_store
from perennial.store.registry import Registry
from perennial.store.trials import TrialResults

RUN, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64
SEARCH, LATER = "c" * 64, "d" * 64


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(open_store(tmp_path.as_uri()), "team", "m")


@pytest.fixture
def trials(registry: Registry) -> TrialResults:
    return registry.trials


def record(design: int = 0, index: int = 0, score: float | None = 0.1 + 0.2) -> TrialRecord:
    return TrialRecord(design=design, index=index, metric="roc_auc", score=score, parameters={"C": None, "l": [1, 2.5]})


def test_the_first_pod_says_which_run_a_search_makes(trials: TrialResults) -> None:
    assert trials.claimed(SEARCH) is None
    assert trials.claim(SEARCH, RUN) == RUN
    assert trials.claim(SEARCH, OTHER) == RUN
    assert trials.claimed(SEARCH) == RUN
    assert trials.claim(LATER, OTHER) == OTHER


def test_a_result_is_written_once_and_read_as_it_was(trials: TrialResults) -> None:
    assert trials.write(RUN, record())
    assert not trials.write(RUN, record(score=0.9))
    found = trials.read(RUN, (0, 0))
    assert found is not None
    assert found.score == 0.1 + 0.2  # to the last bit: scores are compared
    assert found.parameters["l"] == [1, 2.5]
    assert trials.read(OTHER, (0, 0)) is None


def test_only_results_are_found_by_listing(trials: TrialResults) -> None:
    for design, index in ((0, 3), (1, 12345), (10, 0)):
        trials.write(RUN, record(design, index))
    trials.lose(RUN, SEARCH, 0, [LostTrial(design=0, index=7)])
    assert trials.known(RUN) == {(0, 3), (1, 12345), (10, 0)}
    assert [r.id for r in trials.read_all(RUN, {(10, 0), (0, 3), (5, 5)})] == [(0, 3), (10, 0)]


def test_what_one_search_gives_up_binds_no_other_and_stays(trials: TrialResults) -> None:
    trials.lose(RUN, SEARCH, 0, [LostTrial(design=0, index=7, reason="OutOfMemory")])
    trials.lose(RUN, SEARCH, 2, [LostTrial(design=1, index=9)])
    trials.lose(RUN, SEARCH, 0, [LostTrial(design=0, index=8)])  # said again after a crash
    assert trials.lost(RUN, SEARCH).keys() == {(0, 7), (1, 9)}
    assert trials.lost(RUN, LATER) == {}


def test_a_search_of_its_own_takes_no_result_of_others_and_leaves_none(trials: TrialResults) -> None:
    own, later = trials.apart(SEARCH), trials.apart(LATER)
    trials.write(RUN, record(index=1))
    assert own.known(RUN) == set()
    assert own.read(RUN, (0, 1)) is None
    assert own.write(RUN, record(index=1, score=0.9))
    assert own.write(RUN, record(index=2))
    assert (trials.known(RUN), own.known(RUN), later.known(RUN)) == ({(0, 1)}, {(0, 1), (0, 2)}, set())
    assert [r.score for r in own.read_all(RUN, {(0, 1)})] == [0.9]


def test_a_search_in_the_middle_is_no_run(registry: Registry) -> None:
    registry.trials.claim(SEARCH, RUN)
    registry.trials.write(RUN, record())
    assert registry.runs.read(RUN) is None
    assert list(registry.runs.digests()) == [RUN]
