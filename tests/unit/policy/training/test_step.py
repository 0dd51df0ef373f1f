"""What is done next about a ModelTraining, as a table."""

import pytest

from perennial.policy.training.facts import JobFacts
from perennial.policy.training.step import Step, TrainingFacts, next_step

LIVE = JobFacts("j", "u", active=1)
DONE = JobFacts("j", "u", complete=True)
BROKEN = JobFacts("j", "u", failed=True)

TABLE = [
    ("another controller's", TrainingFacts(managed_elsewhere=True, refused=True), Step.HANDS_OFF),
    ("a spec that cannot work", TrainingFacts(refused=True), Step.REFUSE),
    ("a spec that cannot work any more", TrainingFacts(refused=True, stale=(LIVE,)), Step.END_STALE),
    ("concluded", TrainingFacts(concluded=True, suspended=True), Step.REST),
    ("concluded, and storage down", TrainingFacts(concluded=True, storage_problem=True), Step.REST),
    ("an older key's job still runs", TrainingFacts(stale=(LIVE,)), Step.END_STALE),
    ("running", TrainingFacts(job=LIVE), Step.FOLLOW),
    ("running, and storage down", TrainingFacts(job=LIVE, storage_problem=True), Step.FOLLOW),
    ("running, and suspended now", TrainingFacts(job=LIVE, suspended=True), Step.FOLLOW),
    ("new, and storage down", TrainingFacts(storage_problem=True), Step.WAIT_FOR_STORE),
    ("finished, and storage down", TrainingFacts(job=DONE, storage_problem=True), Step.WAIT_FOR_STORE),
    ("new", TrainingFacts(), Step.LOOK_UP),
    ("new, with a run from before", TrainingFacts(run_known=True), Step.CONCLUDE),
    ("new and suspended, with a run", TrainingFacts(run_known=True, suspended=True), Step.CONCLUDE),
    ("new, without a run", TrainingFacts(run_known=False), Step.CREATE),
    ("new and suspended", TrainingFacts(run_known=False, suspended=True), Step.SUSPENDED),
    ("new, without accounts", TrainingFacts(run_known=False, access=False), Step.NO_ACCESS),
    ("new, of a kind that is not there", TrainingFacts(run_known=False, barred=True, access=False), Step.BARRED),
    ("of a kind that is not there, with a run", TrainingFacts(run_known=True, barred=True), Step.CONCLUDE),
    (
        "of a kind that is not there, suspended",
        TrainingFacts(run_known=False, barred=True, suspended=True),
        Step.SUSPENDED,
    ),
    ("running for too long", TrainingFacts(job=LIVE, expired=True), Step.EXPIRE),
    ("an older one runs for too long", TrainingFacts(job=LIVE, expired=True, stale=(LIVE,)), Step.END_STALE),
    ("new, a fresh run wanted", TrainingFacts(reuse=False), Step.CREATE),
    ("finished, a fresh run wanted", TrainingFacts(job=DONE, reuse=False), Step.LOOK_UP),
    ("new, trials in parallel", TrainingFacts(run_known=False, searches=True), Step.SEARCH),
    ("new, trials in parallel, with a run", TrainingFacts(run_known=True, searches=True), Step.CONCLUDE),
    (
        "searching, and storage down",
        TrainingFacts(searches=True, rounds=(LIVE,), storage_problem=True),
        Step.WAIT_FOR_STORE,
    ),
    ("searching, not looked up", TrainingFacts(searches=True, rounds=(LIVE,)), Step.LOOK_UP),
    ("searching", TrainingFacts(run_known=False, searches=True, rounds=(LIVE,)), Step.SEARCH),
    ("between two rounds", TrainingFacts(run_known=False, searches=True, rounds=(DONE,)), Step.SEARCH),
    (
        "searching, and suspended now",
        TrainingFacts(run_known=False, searches=True, rounds=(DONE, LIVE), suspended=True),
        Step.END_ROUNDS,
    ),
    (
        "between two rounds, and suspended now",
        TrainingFacts(run_known=False, searches=True, rounds=(DONE,), suspended=True),
        Step.SUSPENDED,
    ),
    ("searched, and its job runs", TrainingFacts(job=LIVE, searches=True, rounds=(DONE,)), Step.FOLLOW),
    ("searching, without accounts", TrainingFacts(run_known=False, searches=True, access=False), Step.NO_ACCESS),
    ("complete", TrainingFacts(job=DONE, run_known=True), Step.CONCLUDE),
    ("complete without a run", TrainingFacts(job=DONE, run_known=False), Step.FAIL),
    ("failed, but the run exists", TrainingFacts(job=BROKEN, run_known=True), Step.CONCLUDE),
    ("failed", TrainingFacts(job=BROKEN, run_known=False), Step.FAIL),
    ("failed and not looked up", TrainingFacts(job=BROKEN), Step.LOOK_UP),
    ("job deleted before it was seen to end, run there", TrainingFacts(job_seen=True, run_known=True), Step.CONCLUDE),
    ("job deleted, no run", TrainingFacts(job_seen=True, run_known=False), Step.VANISHED),
    ("job deleted, a fresh run wanted", TrainingFacts(job_seen=True, reuse=False), Step.LOOK_UP),
]


@pytest.mark.parametrize(("facts", "step"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_the_first_match_decides(facts: TrainingFacts, step: Step) -> None:
    assert next_step(facts) is step
