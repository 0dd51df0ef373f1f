import numpy as np
import pytest

from perennial.api.algorithm import Candidate, Decision
from perennial.runtime.training.decide import best_threshold
from perennial.runtime.training.effort import effort
from perennial.runtime.training.refine import within_one_error
from perennial.runtime.training.suggest import Result

RNG = np.random.default_rng(0)
PROBABILITY = RNG.random(20_000)
TRUTH = (RNG.random(20_000) < PROBABILITY).astype(np.int64)


@pytest.mark.parametrize(("positive", "negative", "wanted"), [(1, 1, 0.5), (1, 4, 0.2), (4, 1, 0.8)])
def test_the_cheapest_threshold_of_calibrated_probabilities_is_the_ratio_of_costs(positive, negative, wanted):
    decision = Decision.model_validate({"cost": {"falsePositive": positive, "falseNegative": negative}})
    assert best_threshold(TRUTH, PROBABILITY, decision) == pytest.approx(wanted, abs=0.05)


def test_the_best_f1_beats_that_of_every_other_threshold():
    decision = Decision(maximize="f1")
    best = best_threshold(TRUTH, PROBABILITY, decision)

    def f1(threshold: float) -> float:
        label = threshold <= PROBABILITY
        return 2 * (label & (TRUTH == 1)).sum() / (label.sum() + (TRUTH == 1).sum())

    assert f1(best) >= max(f1(t) for t in (0.1, 0.25, 0.5, 0.75, 0.9))


def designs(*iterations: int) -> list[Candidate]:
    path = "sklearn.ensemble.HistGradientBoostingClassifier"
    return [Candidate(estimator=path, parameters={"max_iter": n}) for n in iterations]


def test_within_one_standard_error_the_cheaper_design_wins():
    results = [Result(0, {}, 0.70, 0.01), Result(1, {}, 0.695, 0.01), Result(2, {}, 0.60, 0.01)]
    chosen = within_one_error(results, designs(500, 100, 10))
    assert chosen is not None
    assert chosen.parameters["max_iter"] == 100


def test_a_score_on_a_part_of_the_rows_is_not_compared_with_one_on_all():
    results = [Result(0, {}, 0.99, 0.01, share=0.1), Result(1, {}, 0.70, 0.01, share=1.0)]
    chosen = within_one_error(results, designs(10, 500))
    assert chosen is not None
    assert chosen.parameters["max_iter"] == 500


def test_no_design_is_chosen_when_all_failed():
    assert within_one_error([Result(0, {}, None)], designs(10)) is None


def test_a_forest_is_more_work_than_a_tree_and_more_trees_are_more_work():
    forest = "sklearn.ensemble.RandomForestClassifier"
    assert (
        effort("sklearn.tree.DecisionTreeClassifier", {}) < effort(forest, {}) < effort(forest, {"n_estimators": 500})
    )
