"""How a search is told: what counts as ended, as failed and as best, and when a change is worth a write."""

from pathlib import Path

from perennial.api.records.trial import LostTrial, TrialRecord
from perennial.api.training_status import TrialsStatus
from perennial.reconcile.training.search_results import Stored, sentence, standing, stored, thinned
from perennial.store import open_store
from perennial.store.registry import Registry

RUN = "sha256:" + "a" * 64


def record(index: int, score: float | None, share: float = 1.0, metric: str = "roc_auc") -> TrialRecord:
    return TrialRecord(design=0, index=index, score=score, share=share, metric=metric)


def told(*records: TrialRecord, lost: tuple[int, ...] = ()) -> TrialsStatus:
    given_up = {(0, index): LostTrial(design=0, index=index) for index in lost}
    have = Stored(RUN, {r.id: r for r in records}, given_up)
    return standing(have, total=10, number=1, rounds=2, started=None)


def test_a_trial_without_a_score_and_a_lost_one_have_ended_and_failed() -> None:
    status = told(record(0, 0.7), record(1, None), lost=(2,))
    assert (status.done, status.failed, status.best) == (3, 2, 0.7)
    assert sentence(status) == "round 1 of 2: 3 of 10 trials have ended, 2 of them without a score; best roc_auc 0.7"


def test_a_result_that_came_after_the_trial_was_given_up_counts_once() -> None:
    status = told(record(2, 0.7), lost=(2,))
    assert (status.done, status.failed) == (1, 0)


def test_trials_on_few_rows_are_not_compared_with_trials_on_all() -> None:
    assert told(record(0, 0.9, 0.1), record(1, 0.8, 1.0)).best == 0.8


def test_a_loss_is_told_as_it_is_read() -> None:
    assert told(record(0, -0.4, metric="log_loss"), record(1, -0.3, metric="log_loss")).best == 0.3


def test_nothing_is_best_before_there_is_a_score() -> None:
    status = told(record(0, None))
    assert (status.best, status.metric) == (None, None)
    assert "best" not in sentence(status)


def test_of_many_trials_not_each_is_a_write_but_each_round_is() -> None:
    old = TrialsStatus(total=1000, done=100, round=1, rounds=2)
    assert thinned(old, old.replace(done=109)) is old
    assert thinned(old, old.replace(done=110)).done == 110
    assert thinned(old, old.replace(done=101, round=2)).done == 101
    few = TrialsStatus(total=30, done=3)
    assert thinned(few, few.replace(done=4)).done == 4


def test_a_result_is_read_once_and_a_new_one_is_seen(tmp_path: Path) -> None:
    models = Registry(open_store(tmp_path.as_uri()), "team", "m")
    assert stored(models, "s") == Stored()
    models.trials.claim("s", RUN)
    models.trials.write(RUN, record(0, 0.5))
    assert stored(models, "s").ended == {(0, 0)}
    models.trials.write(RUN, record(1, 0.6))
    (tmp_path / models.keys.trial(RUN, 0, 0)).write_bytes(b"no longer read")
    assert stored(models, "s").results[0, 0].score == 0.5
    assert stored(models, "s").results[0, 1].score == 0.6
    assert stored(models, "s", reuse=False).ended == set()
    models.trials.apart("s").write(RUN, record(1, 0.7))
    assert {t: r.score for t, r in stored(models, "s", reuse=False).results.items()} == {(0, 1): 0.7}
    assert stored(models, "s").results[0, 1].score == 0.6
