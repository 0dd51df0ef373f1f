"""A faster form is used only if it is the same model: what differs is found and named."""

import numpy as np
import pytest

from perennial.runtime.artifacts import load_model, save_model
from perennial.runtime.artifacts.compile import compile_encoder, seen_codes
from perennial.runtime.artifacts.convert import convert
from perennial.runtime.artifacts.encoder import FastEncoder
from perennial.runtime.artifacts.forest import forest_of
from perennial.runtime.artifacts.onnx_graph import forest_graph
from perennial.runtime.artifacts.scoring.matrix import MatrixScorer
from perennial.runtime.artifacts.scoring.onnx import OnnxScorer
from perennial.runtime.artifacts.scoring.pipeline import PipelineScorer
from perennial.runtime.artifacts.verify import compare, differences, spreads, threshold_rows
from tests.unit.runtime.artifacts.tables import case

PROBABILITIES = frozenset({"predict_proba"})


@pytest.fixture(scope="module")
def boosted():
    made = case("Binary")
    pipeline = made.fitted("sklearn.ensemble.HistGradientBoostingClassifier", {"max_iter": 20})
    return made, pipeline, compile_encoder(pipeline[0], seen=seen_codes(pipeline[-1]))


def reason(made, pipeline, scorer, columns=None):
    reference = PipelineScorer(pipeline, made.signature)
    return differences(reference, scorer, made.signature, columns or made.columns, PROBABILITIES)


def test_the_true_graph_differs_nowhere(boosted):
    made, pipeline, record = boosted
    graph = convert(pipeline[-1], FastEncoder(record).width).graph
    assert reason(made, pipeline, OnnxScorer(FastEncoder(record), graph)) == ""


def test_leaves_changed_by_a_ten_thousandth_are_found(boosted):
    made, pipeline, record = boosted
    forest = forest_of(pipeline[-1])
    forest.trees[0].value[:] += 1e-4
    wrong = OnnxScorer(FastEncoder(record), forest_graph(forest, FastEncoder(record).width, classifier=True))
    assert "predict_proba differs by up to" in reason(made, pipeline, wrong)


def test_missing_values_sent_the_other_way_are_found_though_the_hold_out_has_none(boosted):
    made, pipeline, record = boosted
    known = np.isin(made.columns["carrier"], ["AA", "DL", "UA"])
    whole = (
        known & ~np.isnan(made.columns["distance"]) & ~np.isnat(made.columns["when"]) & ~np.isnan(made.columns["heavy"])
    )
    columns = {name: values[whole] for name, values in made.columns.items()}
    forest = forest_of(pipeline[-1])
    for tree in forest.trees:
        tree.missing_left[:] = ~tree.missing_left
    wrong = OnnxScorer(FastEncoder(record), forest_graph(forest, FastEncoder(record).width, classifier=True))
    assert "missing or unseen value" in reason(made, pipeline, wrong, columns)


def test_thresholds_rounded_to_float32_are_found_at_their_neighbours_though_the_hold_out_agrees(boosted):
    made, pipeline, record = boosted
    forest = forest_of(pipeline[-1])
    exact = forest.thresholds()
    for tree in forest.trees:
        tree.threshold[:] = tree.threshold.astype(np.float32)
    encoder = FastEncoder(record)
    wrong = OnnxScorer(encoder, forest_graph(forest, encoder.width, classifier=True))
    rows = threshold_rows(encoder.encode(made.columns), exact)
    expected = MatrixScorer(encoder, pipeline[-1]).of_matrix(rows, PROBABILITIES)
    right = OnnxScorer(encoder, convert(pipeline[-1], encoder.width).graph).of_matrix(rows, PROBABILITIES)
    assert compare(expected, right, made.signature, spreads(expected)) == ""
    assert compare(expected, wrong.of_matrix(rows, PROBABILITIES), made.signature, spreads(expected)) != ""


def test_a_label_that_flips_within_the_tolerance_is_still_a_difference():
    signature = case("Binary").signature.model_copy(update={"threshold": 0.3})
    expected = {"predict_proba": np.array([[0.7, 0.3]])}
    given = {"predict_proba": np.array([[0.7 + 1e-9, 0.3 - 1e-9]])}
    assert compare(expected, given, signature, spreads(expected)) == "1 of 1 labels differ"


def test_threshold_rows_hold_each_threshold_and_its_neighbours_in_both_widths():
    rows = threshold_rows(np.zeros((2, 3)), [(1, 0.1)])
    single = np.float32(0.1)
    expected = {0.1, np.nextafter(0.1, 1), np.nextafter(0.1, 0), float(np.nextafter(single, np.float32(1)))}
    assert expected | {float(np.nextafter(single, np.float32(0)))} <= set(rows[:, 1].tolist())
    assert (rows[:, [0, 2]] == 0).all()


def test_no_more_than_ten_thousand_threshold_rows_are_made():
    assert len(threshold_rows(np.zeros((5, 1)), [(0, float(t)) for t in range(3000)])) == 10_000


def test_a_model_without_a_graph_says_why_and_is_served_by_the_library(tmp_path):
    made = case("Binary")
    pipeline = made.fitted("sklearn.gaussian_process.GaussianProcessClassifier", {"n_restarts_optimizer": 0})
    packaged = save_model(pipeline, made.signature, tmp_path, holdout=made.columns)
    model = load_model(tmp_path, packaged.signature, packaged.artifact)
    assert model.path == "sklearn"
    assert packaged.artifact.onnx != "Verified"
    assert packaged.artifact.onnx_reason
