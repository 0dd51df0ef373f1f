"""Which Job of a search comes next: as a table, and over random histories in which the operator dies and forgets."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perennial.api.algorithm import Search
from perennial.api.records.trial import TrialId
from perennial.api.rounds import rounds
from perennial.policy.training.facts import JobFacts, PodFacts
from perennial.policy.training.search import (
    ALL_TRIALS_ENDED,
    TOO_MANY_FAILED,
    Due,
    SearchFacts,
    SearchStep,
    due_round,
    next_of_search,
    time_left,
    trials_of,
)
from perennial.policy.training.trials import lost_trial, round_failure

HALVING = Search.model_validate({"strategy": "halving", "trials": 9, "space": {"C": {"min": 1, "max": 2}}})
PLAN = rounds(HALVING)
DUE = Due(0, PLAN[0], ((0, 0), (0, 1)))
LIVE = JobFacts("j-r0", "u", active=1)

TABLE = [
    ("nothing made yet", SearchFacts(DUE), SearchStep.CREATE_ROUND),
    ("its job runs", SearchFacts(DUE, LIVE, seen=True), SearchStep.FOLLOW),
    ("its job is queued", SearchFacts(DUE, replace(LIVE, suspended=True)), SearchStep.FOLLOW),
    ("its job is being deleted", SearchFacts(DUE, replace(LIVE, deleting=True)), SearchStep.FOLLOW),
    ("its job was seen and is gone", SearchFacts(DUE, seen=True), SearchStep.VANISHED),
    (
        "all trials ended, some lost",
        SearchFacts(DUE, replace(LIVE, failed=True, failed_reason=ALL_TRIALS_ENDED)),
        SearchStep.GIVE_UP_LOST,
    ),
    (
        "too many lost",
        SearchFacts(DUE, replace(LIVE, failed=True, failed_reason=TOO_MANY_FAILED)),
        SearchStep.FAIL,
    ),
    ("complete, and results are missing", SearchFacts(DUE, replace(LIVE, complete=True)), SearchStep.FAIL),
    ("over", SearchFacts(None), SearchStep.TRAIN),
    ("over, too late", SearchFacts(None, overdue=True), SearchStep.OVERDUE),
    ("another round, too late", SearchFacts(DUE, overdue=True), SearchStep.OVERDUE),
    ("too late, but its job has a deadline of its own", SearchFacts(DUE, LIVE, overdue=True), SearchStep.FOLLOW),
]


@pytest.mark.parametrize(("facts", "step"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_what_comes_next(facts: SearchFacts, step: SearchStep) -> None:
    assert next_of_search(facts) is step


def test_a_round_is_due_until_each_design_has_ended_all_its_trials() -> None:
    ended = {(design, index) for design in range(2) for index in PLAN[0].indexes} - {(1, 4)}
    assert due_round(PLAN, 2, ended) == Due(0, PLAN[0], ((1, 4),))
    due = due_round(PLAN, 2, ended | {(1, 4)})
    assert due is not None
    assert (due.number, len(due.missing)) == (1, 2 * PLAN[1].trials)


def test_the_deadline_counts_from_the_first_job_on() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert time_left(None, now, now) is None
    assert time_left(60, None, now) == 60
    assert time_left(60, now - timedelta(seconds=50), now) == 10
    assert time_left(60, now - timedelta(seconds=70), now) == -10


def pod(index: int, **fields: object) -> PodFacts:
    return PodFacts(f"j-r0-{index}-abcde", f"u{index}", "Failed", **fields)  # type: ignore[arg-type]


def test_a_lost_trial_is_explained_by_its_own_pods() -> None:
    job = JobFacts(
        "j-r0", "u", failed=True, pods=(pod(1, exit_code=137, exit_reason="OOMKilled"), pod(11, exit_code=70))
    )
    assert lost_trial((0, 1), job, 1).reason == "OutOfMemory"
    assert lost_trial((0, 11), job, 11).reason == "TrainerFailed"
    assert "no trace" in lost_trial((0, 2), job, 2).message


def test_a_search_that_ended_early_is_explained_by_a_pod_that_failed_and_not_by_the_newest() -> None:
    won = PodFacts("j-r0-5-abcde", "u5", "Succeeded", exit_code=0)
    lost = pod(1, exit_code=137, exit_reason="OOMKilled")
    job = JobFacts("j-r0", "u", failed=True, failed_reason=TOO_MANY_FAILED, pods=(lost, won))
    failure = round_failure(job, 3)
    assert (failure.reason, failure.pod) == ("TrialsFailed", lost.name)
    assert "memory" in failure.message
    refused = pod(2, exit_code=64, termination_message='{"outcome":"Refused","reason":"ColumnMissing","message":"y"}')
    job = replace(job, failed_reason="PodFailurePolicy", pods=(refused, lost))
    assert round_failure(job, 3).reason == "ColumnMissing"


@dataclass
class Cluster:
    """Jobs, storage and status, as they truly are; and what the operator believes of the first and the last."""

    designs: int
    jobs: dict[int, JobFacts] = field(default_factory=dict)
    results: set[TrialId] = field(default_factory=set)
    given_up: set[TrialId] = field(default_factory=set)
    seen: set[int] = field(default_factory=set)
    begun: list[TrialId] = field(default_factory=list)
    made: list[int] = field(default_factory=list)
    trained: int = 0
    ended: str = ""
    believed: dict[int, JobFacts] = field(default_factory=dict)  # Jobs as of an earlier moment

    def look(self, *, stale: bool, dies: bool) -> None:
        """One look of the operator, from old Jobs or new ones; it may die before it has acted."""
        if not stale:
            self.believed = dict(self.jobs)
        due = due_round(PLAN, self.designs, self.results | self.given_up)
        job = self.believed.get(due.number) if due else None
        step = next_of_search(SearchFacts(due, job, seen=due is not None and due.number in self.seen))
        if dies or self.trained or self.ended:
            return
        if step is SearchStep.TRAIN:
            self.trained += 1
        elif step in (SearchStep.FAIL, SearchStep.VANISHED):
            self.ended = step
        elif due is not None:
            self._act(step, due)

    def _act(self, step: SearchStep, due: Due) -> None:
        if step is SearchStep.CREATE_ROUND and due.number not in self.jobs:  # made by its name: once
            self.made.append(due.number)
            self.jobs[due.number] = JobFacts(f"j-r{due.number}", "u", active=1)
        elif step is SearchStep.GIVE_UP_LOST:
            self.given_up |= set(due.missing)
        elif step is SearchStep.FOLLOW:
            self.seen.add(due.number)

    def pod(self, choice: int, *, lost: bool) -> None:
        """A pod of a live Job ends, with a result or for good."""
        live = [n for n, job in self.jobs.items() if not job.done]
        if not live:
            return
        number = live[choice % len(live)]
        trials = trials_of(PLAN[number], self.designs)
        left = [t for t in trials if t not in self.begun]
        if left:
            trial = left[choice % len(left)]
            self.begun.append(trial)
            if not lost:
                self.results.add(trial)
        if all(t in self.begun for t in trials):
            whole = all(t in self.results for t in trials)
            ended = {"complete": True} if whole else {"failed": True, "failed_reason": ALL_TRIALS_ENDED}
            self.jobs[number] = replace(self.jobs[number], active=0, **ended)  # type: ignore[arg-type]

    def clean_up(self) -> None:
        """Jobs that are over, and whose lost trials were told, are deleted after their time."""
        for number, job in list(self.jobs.items()):
            told = all(t in self.results | self.given_up for t in trials_of(PLAN[number], self.designs))
            if job.done and told:
                del self.jobs[number]


EVENTS = st.tuples(st.sampled_from(["look", "stale", "dies", "pod", "lost", "ttl"]), st.integers(0, 50))


@settings(max_examples=300, deadline=None)
@given(history=st.lists(EVENTS, max_size=120), designs=st.integers(1, 2))
def test_whatever_happens_each_round_has_one_job_and_each_trial_runs_once(
    history: list[tuple[str, int]], designs: int
) -> None:
    cluster = Cluster(designs)
    quiet = [event for number in range(60) for event in (("look", 0), ("pod", number))]
    for event, choice in [*history, *quiet]:
        if event in ("pod", "lost"):
            cluster.pod(choice, lost=event == "lost")
        elif event == "ttl":
            cluster.clean_up()
        else:
            cluster.look(stale=event == "stale", dies=event == "dies")
    everything = {trial for one in PLAN for trial in trials_of(one, designs)}
    assert cluster.ended == ""
    assert cluster.trained == 1
    assert cluster.made == list(range(len(PLAN)))
    assert sorted(cluster.begun) == sorted(everything)
    assert cluster.results | cluster.given_up == everything
    assert not cluster.results & cluster.given_up
