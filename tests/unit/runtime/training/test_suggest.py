import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perennial.api.algorithm import Search
from perennial.api.rounds import rounds
from perennial.runtime.training.suggest import Result, Suggestion, grid, next_round

SPACE = {
    "learning_rate": {"min": 0.01, "max": 0.3, "scale": "log"},
    "max_leaf_nodes": {"min": 4, "max": 64, "integer": True},
    "loss": {"values": ["a", "b"]},
}


def search(**fields: object) -> Search:
    return Search.model_validate({"space": SPACE, **fields})


def objective(parameters: dict) -> float:
    return -abs(math.log(parameters["learning_rate"] / 0.1)) - abs(parameters["max_leaf_nodes"] - 20) / 20


def played(strategy: Search, seed: int) -> list[Result]:
    done: list[Result] = []
    while round_ := next_round(strategy, seed, done):
        done += [Result(s.index, s.parameters, objective(s.parameters), 0.1, s.share) for s in round_]
    return done


@pytest.mark.parametrize("strategy", ["grid", "random", "halving", "bayesian"])
def test_a_search_is_the_same_for_the_same_seed_and_ends(strategy):
    first, second = (played(search(strategy=strategy, trials=12), 7) for _ in range(2))
    assert first == second
    assert [r.index for r in first] == list(range(len(first)))


@pytest.mark.parametrize("strategy", ["random", "halving", "bayesian"])
def test_another_seed_tries_other_parameters(strategy):
    tried = search(strategy=strategy, trials=6)
    assert played(tried, 1)[0].parameters != played(tried, 2)[0].parameters


@given(st.integers(0, 2**31))
def test_parameters_stay_in_their_ranges_and_types(seed):
    for result in played(search(strategy="random", trials=5), seed):
        assert 0.01 <= result.parameters["learning_rate"] <= 0.3
        assert isinstance(result.parameters["max_leaf_nodes"], int)
        assert 4 <= result.parameters["max_leaf_nodes"] <= 64
        assert result.parameters["loss"] in ("a", "b")


def test_a_random_trial_does_not_depend_on_how_many_there_are():
    few, many = (played(search(strategy="random", trials=n), 3) for n in (3, 9))
    assert [r.parameters for r in many[:3]] == [r.parameters for r in few]


def test_a_grid_holds_every_combination_once():
    combinations = list(grid(search().space))
    assert len(combinations) == 5 * 5 * 2
    assert len({tuple(sorted(c.items())) for c in combinations}) == 50


def test_halving_keeps_the_best_third_on_three_times_the_rows():
    done = played(search(strategy="halving", trials=9), 5)
    rungs = sorted({r.share for r in done})
    assert [sum(r.share == share for r in done) for share in rungs] == [9, 3, 1]
    assert rungs[-1] == 1.0
    best = max((r for r in done if r.share == rungs[0]), key=lambda r: r.score)
    assert best.parameters in [r.parameters for r in done if r.share == rungs[1]]


def test_bayesian_search_finds_better_parameters_than_its_first_guesses():
    done = played(search(strategy="bayesian", trials=30), 11)
    assert max(r.score for r in done[15:]) > max(r.score for r in done[:5])


def test_failed_trials_do_not_stop_a_bayesian_search():
    done: list[Result] = []
    tried = search(strategy="bayesian", trials=12)
    while round_ := next_round(tried, 1, done):
        done += [Result(s.index, s.parameters, None, failure="boom") for s in round_]
    assert len(done) == 12


def test_a_finished_search_suggests_nothing():
    assert next_round(search(strategy="random", trials=2), 0, [Result(0, {}, 1.0), Result(1, {}, 1.0)]) == []
    assert isinstance(next_round(search(strategy="random", trials=2), 0, [])[0], Suggestion)


@pytest.mark.parametrize("strategy", ["grid", "random", "halving", "bayesian"])
@settings(max_examples=20, deadline=None)
@given(trials=st.integers(1, 40))
def test_the_rounds_that_the_spec_foretells_are_those_that_are_played(strategy, trials):
    tried, done = search(strategy=strategy, trials=trials), []
    for foretold in rounds(tried):
        suggested = next_round(tried, 3, done)
        assert [s.index for s in suggested] == list(foretold.indexes)
        assert {s.share for s in suggested} == {foretold.share}
        done += [Result(s.index, s.parameters, objective(s.parameters), 0.1, s.share) for s in suggested]
    assert next_round(tried, 3, done) == []


@pytest.mark.parametrize("trials", [81, 300, 1000])
def test_halving_of_many_trials_ends_too(trials):
    plan = rounds(search(strategy="halving", trials=trials))
    assert len(plan) <= 4
    assert len({rung.share for rung in plan}) == len(plan)
    assert len(played(search(strategy="halving", trials=trials), 1)) == plan[-1].indexes.stop


def test_a_grid_too_large_to_be_written_down_is_begun_all_the_same():
    wide = {f"p{i}": {"values": list(range(64))} for i in range(32)}
    first = next_round(search(strategy="grid", trials=3, space=wide), 0, [])
    assert [s.parameters["p9"] for s in first] == [0, 1, 2]  # the last by name changes fastest


def test_results_of_half_a_round_are_refused():
    with pytest.raises(ValueError, match="whole rounds"):
        next_round(search(strategy="random", trials=3), 0, [Result(0, {}, 1.0)])
