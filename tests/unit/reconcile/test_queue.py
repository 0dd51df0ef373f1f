"""The work queue, with a clock that only moves when told."""

from collections import Counter

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from perennial.reconcile.context import Key
from perennial.reconcile.queue import FIRST_BACKOFF, LONGEST_BACKOFF, WorkQueue


def key(name: str = "a") -> Key:
    return Key("ModelTraining", "default", name)


def no_jitter(low: float, high: float) -> float:
    return high


@pytest.fixture
def queue() -> WorkQueue:
    return WorkQueue(jitter=no_jitter)


def test_a_key_asked_for_many_times_comes_once(queue: WorkQueue) -> None:
    for _ in range(3):
        queue.add(key(), 0.0)
    assert (queue.take(0.0), queue.take(0.0)) == (key(), None)


def test_keys_come_in_the_order_they_were_asked_for(queue: WorkQueue) -> None:
    for name in "cab":
        queue.add(key(name), 0.0)
    assert [queue.take(0.0) for _ in range(3)] == [key("c"), key("a"), key("b")]


def test_a_key_in_work_is_not_given_out_again_but_comes_afterwards_once(queue: WorkQueue) -> None:
    queue.add(key(), 0.0)
    queue.take(0.0)
    queue.add(key(), 1.0)
    queue.add(key(), 2.0)
    assert queue.take(2.0) is None
    queue.done(key(), 3.0, None)
    assert queue.take(3.0) == key()
    queue.done(key(), 4.0, None)
    assert queue.take(1e9) is None


def test_a_key_asked_for_later_comes_when_due_and_not_before(queue: WorkQueue) -> None:
    queue.add_after(key(), 10.0, 0.0)
    assert queue.next_due() == 10.0
    assert queue.take(9.9) is None
    assert queue.take(10.0) == key()


def test_the_earliest_of_several_wishes_wins_and_a_later_own_look_stays(queue: WorkQueue) -> None:
    queue.add(key(), 0.0)
    queue.take(0.0)
    queue.done(key(), 0.0, 30.0)
    queue.add_after(key(), 10.0, 0.0)
    queue.add_after(key(), 20.0, 0.0)
    assert queue.take(10.0) == key()
    queue.done(key(), 10.0, None)
    assert queue.take(1e9) is None


def test_a_wish_of_others_outlives_a_look_that_comes_before_it(queue: WorkQueue) -> None:
    queue.add_after(key(), 60.0, 0.0)
    queue.add(key(), 0.0)
    assert queue.take(0.0) == key()
    queue.done(key(), 1.0, None)
    assert queue.take(59.0) is None
    assert queue.take(60.0) == key()


def test_a_look_replaces_the_time_of_the_next_own_look(queue: WorkQueue) -> None:
    queue.add(key(), 0.0)
    queue.take(0.0)
    queue.done(key(), 0.0, 5.0)
    queue.add(key(), 1.0)
    queue.take(1.0)
    queue.done(key(), 1.0, 100.0)
    assert queue.next_due() == 101.0
    assert queue.take(100.9) is None


def test_failures_double_the_wait_up_to_a_minute_and_a_success_forgets_them(queue: WorkQueue) -> None:
    now, waits = 0.0, []
    queue.add(key(), now)
    for _ in range(12):
        assert queue.take(now) == key()
        waits.append(queue.failed(key(), now))
        now += waits[-1]
    assert waits[:4] == [FIRST_BACKOFF, 2 * FIRST_BACKOFF, 4 * FIRST_BACKOFF, 8 * FIRST_BACKOFF]
    assert waits[-1] == LONGEST_BACKOFF
    assert queue.take(now) == key()
    queue.done(key(), now, None)
    queue.add(key(), now)
    queue.take(now)
    assert queue.failed(key(), now) == FIRST_BACKOFF


def test_a_failing_key_does_not_hold_up_another(queue: WorkQueue) -> None:
    queue.add(key("poison"), 0.0)
    queue.take(0.0)
    queue.failed(key("poison"), 0.0)
    queue.add(key("good"), 0.0)
    assert queue.take(0.0) == key("good")


def test_depth_and_age_tell_who_waits(queue: WorkQueue) -> None:
    assert (queue.depth(), queue.oldest(5.0)) == (0, 0.0)
    queue.add(key("a"), 1.0)
    queue.add(key("b"), 3.0)
    assert (queue.depth(), queue.oldest(5.0)) == (2, 4.0)


def test_a_key_that_nothing_is_known_of_any_more_takes_no_memory(queue: WorkQueue) -> None:
    for i in range(1000):
        queue.add_after(key(str(i)), 1.0, 0.0)
        queue.add_after(key(str(i)), 0.5, 0.0)
    while (taken := queue.take(2.0)) is not None:
        queue.done(taken, 2.0, None)
    assert queue.next_due() is None
    assert (len(queue._states), len(queue._heap)) == (0, 0)


def test_moving_due_times_do_not_pile_up_on_the_heap(queue: WorkQueue) -> None:
    for i in range(2_000):
        queue.add(key(), float(i))
        queue.take(float(i))
        queue.done(key(), float(i), 1e6)
    assert len(queue._heap) <= 100


class QueueAgainstAModel(RuleBasedStateMachine):
    """Whatever happens in whatever order: one worker a key, no wish is lost, nothing comes unasked."""

    names = st.sampled_from("abc")

    def __init__(self) -> None:
        super().__init__()
        self.queue = WorkQueue(jitter=no_jitter)
        self.now = 0.0
        self.working: set[Key] = set()
        self.wanted: Counter[Key] = Counter()  # wishes that are due and unserved
        self.own: dict[Key, float] = {}  # its next look of its own accord: a look replaces it
        self.asked: dict[Key, float] = {}  # the earliest wish of others

    def _ripen(self) -> None:
        for slot in (self.own, self.asked):
            for k in [k for k, due in slot.items() if due <= self.now]:
                del slot[k]
                self.wanted[k] += 1

    @rule(name=names)
    def add(self, name: str) -> None:
        self.queue.add(key(name), self.now)
        self.wanted[key(name)] += 1

    @rule(name=names, seconds=st.floats(0.1, 50))
    def add_after(self, name: str, seconds: float) -> None:
        self.queue.add_after(key(name), seconds, self.now)
        self.asked[key(name)] = min(self.asked.get(key(name), float("inf")), self.now + seconds)

    @rule(seconds=st.floats(0, 100))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def take(self) -> None:
        self._ripen()
        taken = self.queue.take(self.now)
        if taken is None:
            assert not any(count for k, count in self.wanted.items() if k not in self.working)
        else:
            assert taken not in self.working
            assert self.wanted[taken]
            self.working.add(taken)
            self.wanted[taken] = 0
            self.own.pop(taken, None)

    @precondition(lambda self: self.working)
    @rule(data=st.data(), outcome=st.one_of(st.none(), st.floats(0.1, 30), st.just("failed")))
    def give_back(self, data: st.DataObject, outcome: float | str | None) -> None:
        k = data.draw(st.sampled_from(sorted(self.working)))
        self.working.remove(k)
        if outcome == "failed":
            self.own[k] = self.now + self.queue.failed(k, self.now)
        else:
            self.queue.done(k, self.now, outcome)  # type: ignore[arg-type]
            if outcome is not None:
                self.own[k] = self.now + outcome  # type: ignore[operator]

    @invariant()
    def what_is_pending_has_a_due_time(self) -> None:
        pending = [*self.own.values(), *self.asked.values()]
        if pending:
            assert self.queue.next_due() is not None
            assert self.queue.next_due() <= min(pending)  # type: ignore[operator]


QueueAgainstAModel.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
test_no_order_of_events_loses_or_doubles_a_key = QueueAgainstAModel.TestCase
