"""save_model and load_model: the same answers after the round trip, the same bytes for the same fit."""

import json
import subprocess
import sys
import textwrap
import warnings

import numpy as np
import pytest

from perennial.runtime.artifacts import (
    DigestMismatch,
    NotPackable,
    WarmUpMismatch,
    build_pipeline,
    frame,
    load_model,
    repack,
    save_model,
)
from perennial.runtime.artifacts.scoring.pipeline import PipelineScorer
from tests.unit.runtime.artifacts.tables import case

FAST = [
    ("Binary", "sklearn.ensemble.HistGradientBoostingClassifier", {"max_iter": 20}),
    ("Multiclass", "sklearn.ensemble.HistGradientBoostingClassifier", {"max_iter": 10}),
    ("Regression", "sklearn.ensemble.HistGradientBoostingRegressor", {"max_iter": 20}),
    ("Binary", "sklearn.ensemble.RandomForestClassifier", {"n_estimators": 20}),
    ("Multiclass", "sklearn.ensemble.ExtraTreesClassifier", {"n_estimators": 10}),
    ("Regression", "sklearn.ensemble.RandomForestRegressor", {"n_estimators": 10}),
    ("Binary", "sklearn.ensemble.GradientBoostingClassifier", {"n_estimators": 20}),
    ("Multiclass", "sklearn.ensemble.GradientBoostingClassifier", {"n_estimators": 5}),
    ("Binary", "sklearn.tree.DecisionTreeClassifier", {}),
    ("Binary", "sklearn.linear_model.LogisticRegression", {}),
    ("Multiclass", "sklearn.linear_model.LogisticRegression", {}),
    ("Binary", "sklearn.svm.LinearSVC", {}),
    ("Multiclass", "sklearn.linear_model.RidgeClassifier", {}),
    ("Regression", "sklearn.linear_model.Ridge", {}),
    ("Regression", "sklearn.linear_model.GammaRegressor", {}),
    ("Regression", "sklearn.linear_model.TweedieRegressor", {"power": 1.5}),
    ("Regression", "sklearn.linear_model.Lasso", {}),
    ("Regression", "sklearn.linear_model.LinearRegression", {}),
    ("Multiclass", "sklearn.discriminant_analysis.LinearDiscriminantAnalysis", {}),
    ("Binary", "lightgbm.LGBMClassifier", {"n_estimators": 20}),
    ("Multiclass", "lightgbm.LGBMClassifier", {"n_estimators": 5}),
    ("Regression", "lightgbm.LGBMRegressor", {"n_estimators": 20}),
    ("Binary", "xgboost.XGBClassifier", {"n_estimators": 20}),
    ("Multiclass", "xgboost.XGBClassifier", {"n_estimators": 5}),
    ("Regression", "xgboost.XGBRegressor", {"n_estimators": 20}),
]


def positive_target(made):
    if made.target is not None and made.target.dtype.kind == "f":
        object.__setattr__(made, "target", made.target - made.target.min() + 0.1)
    return made


@pytest.mark.parametrize(("task", "estimator", "parameters"), FAST)
def test_a_fast_model_answers_as_the_fitted_pipeline_does(task, estimator, parameters, tmp_path):
    made = positive_target(case(task))
    pipeline = made.fitted(estimator, parameters)
    packaged = save_model(pipeline, made.signature, tmp_path, holdout=made.columns)
    assert packaged.artifact.onnx == "Verified", packaged.artifact.onnx_reason
    model = load_model(tmp_path, packaged.signature, packaged.artifact)
    model.warm_up()
    assert model.path == "onnx"
    names = {output.name for output in packaged.signature.outputs}
    answers = model.predict(made.columns, names)
    for name in names - {"predict"}:
        expected = getattr(pipeline, name)(frame(made.columns, made.signature))
        np.testing.assert_allclose(answers[name], expected, atol=1e-5)
    predicted = pipeline.predict(frame(made.columns, made.signature))
    if task == "Regression":
        np.testing.assert_allclose(answers["predict"], predicted, rtol=1e-5)
    else:
        assert answers["predict"].tolist() == np.array(made.signature.classes, dtype=object)[predicted].tolist()


@pytest.mark.parametrize("estimator", ["sklearn.ensemble.IsolationForest", "sklearn.neighbors.LocalOutlierFactor"])
def test_an_outlier_detector_answers_plus_and_minus_one_with_its_score(estimator, tmp_path):
    made = case("Outlier")
    pipeline = made.fitted(estimator)
    packaged = save_model(pipeline, made.signature, tmp_path, holdout=made.columns)
    model = load_model(tmp_path, packaged.signature, packaged.artifact)
    model.warm_up()
    assert model.path == ("onnx" if "IsolationForest" in estimator else "sklearn")
    answers = model.predict(made.columns, {"predict", "decision_function"})
    table = frame(made.columns, made.signature)
    assert answers["predict"].tolist() == pipeline.predict(table).tolist()
    np.testing.assert_allclose(answers["decision_function"], pipeline.decision_function(table), atol=1e-5)


def test_the_same_fit_in_two_processes_is_the_same_artifact():
    program = textwrap.dedent(
        """
        import tempfile, warnings
        warnings.simplefilter("ignore")
        from perennial.runtime.artifacts import save_model
        from tests.unit.runtime.artifacts.tables import case
        for estimator in (
            "sklearn.ensemble.HistGradientBoostingClassifier",
            "sklearn.neural_network.MLPClassifier",
            "lightgbm.LGBMClassifier",
            "xgboost.XGBClassifier",
        ):
            made = case("Binary")
            parameters = {"max_iter": 5} if "max_iter" in estimator or "MLP" in estimator else {}
            with tempfile.TemporaryDirectory() as folder:
                packaged = save_model(made.fitted(estimator, parameters), made.signature, folder, holdout=made.columns)
            print(packaged.artifact.model_dump_json())
        """
    )
    environment = {"PYTHONPATH": ".", "OMP_NUM_THREADS": "1"}
    runs = [
        subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            check=True,
            text=True,
            env=environment | {"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0].count("sha256:") == 4
    assert runs[0] == runs[1]


def test_repacking_a_canonical_file_changes_nothing(tmp_path):
    made = case("Binary")
    save_model(made.fitted("sklearn.linear_model.LogisticRegression"), made.signature, tmp_path, holdout=made.columns)
    body = (tmp_path / "model.skops").read_bytes()
    assert repack(body) == body


def test_the_file_is_a_skops_file_that_skops_itself_reads(tmp_path):
    import skops.io

    made = case("Binary")
    pipeline = made.fitted("sklearn.linear_model.LogisticRegression")
    save_model(pipeline, made.signature, tmp_path, holdout=made.columns)
    body = (tmp_path / "model.skops").read_bytes()
    ours = ["perennial.runtime.artifacts.steps.DateParts", "sklearn.model_selection._split.KFold"]
    read = skops.io.loads(body, trusted=[*ours, "sklearn.model_selection._split.StratifiedKFold", "numpy.dtype"])
    table = frame(made.columns, made.signature)
    assert np.array_equal(read.predict_proba(table), pipeline.predict_proba(table))


def test_the_threshold_of_the_signature_decides_the_label(tmp_path):
    made = case("Binary")
    pipeline = made.fitted("sklearn.linear_model.LogisticRegression")
    signature = made.signature.model_copy(update={"threshold": 0.9, "positive_class": "no"})
    packaged = save_model(pipeline, signature, tmp_path, holdout=made.columns)
    answers = load_model(tmp_path, packaged.signature, packaged.artifact).predict(
        made.columns, {"predict", "predict_proba"}
    )
    sure = answers["predict_proba"][:, 0] >= 0.9
    assert 0 < sure.sum() < len(sure) / 2
    assert answers["predict"].tolist() == np.where(sure, "no", "yes").tolist()


def test_a_changed_byte_is_a_digest_mismatch(tmp_path):
    made = case("Regression")
    packaged = save_model(made.fitted("sklearn.linear_model.Ridge"), made.signature, tmp_path, holdout=made.columns)
    for name in ("model.skops", "encoder.json", "model.onnx"):
        body = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(body[:-1] + bytes([body[-1] ^ 1]))
        with pytest.raises(DigestMismatch, match="expected artifact sha256:"):
            load_model(tmp_path, packaged.signature, packaged.artifact)
        (tmp_path / name).write_bytes(body)
    (tmp_path / "model.txt").write_text("tree")
    with pytest.raises(DigestMismatch):
        load_model(tmp_path, packaged.signature, packaged.artifact)


def test_a_model_that_answers_its_example_differently_does_not_pass_its_warm_up(tmp_path):
    made = case("Regression")
    packaged = save_model(made.fitted("sklearn.linear_model.Ridge"), made.signature, tmp_path, holdout=made.columns)
    wrong = packaged.signature.example_outputs["predict"][0] * (1 + 1e-4)
    signature = packaged.signature.model_copy(update={"example_outputs": {"predict": [wrong]}})
    with pytest.raises(WarmUpMismatch, match="predict of the example row"):
        load_model(tmp_path, signature, packaged.artifact).warm_up()


def test_a_model_that_calls_functions_is_not_packed(tmp_path):
    from sklearn.preprocessing import FunctionTransformer

    made = case("Regression")
    pipeline = made.fitted("sklearn.linear_model.Ridge")
    pipeline.steps.insert(1, ("call", FunctionTransformer(print).fit(np.zeros((1, 1)))))
    with pytest.raises(NotPackable, match=r"builtins\.print"):
        save_model(pipeline, made.signature, tmp_path, holdout=made.columns)


def test_a_server_of_a_verified_model_imports_neither_scikit_learn_nor_pandas(tmp_path):
    made = case("Binary")
    packaged = save_model(
        made.fitted("sklearn.ensemble.HistGradientBoostingClassifier"), made.signature, tmp_path, holdout=made.columns
    )
    (tmp_path / "artifact.json").write_bytes(packaged.artifact.to_json())
    program = textwrap.dedent(
        """
        import sys, json, pathlib
        from perennial.api.records.run import Artifact
        from perennial.api.records.signature import Signature
        from perennial.runtime.artifacts import load_model
        folder = pathlib.Path(sys.argv[1])
        signature = Signature.from_json((folder / "signature.json").read_bytes())
        model = load_model(folder, signature, Artifact.from_json((folder / "artifact.json").read_bytes()))
        model.warm_up()
        print(json.dumps(sorted({"sklearn", "pandas", "pyarrow", "skops", "scipy.stats", "onnx"} & set(sys.modules))))
        """
    )
    done = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, check=True, text=True)
    assert json.loads(done.stdout) == []


@pytest.mark.parametrize("calibration", ["sigmoid", "isotonic"])
def test_a_calibrated_model_is_packed_and_reloads(calibration, tmp_path):
    from sklearn.calibration import CalibratedClassifierCV

    made = case("Binary")
    pipeline = build_pipeline(made.signature, "sklearn.ensemble.HistGradientBoostingClassifier", {"max_iter": 10})
    pipeline.steps[-1] = ("model", CalibratedClassifierCV(pipeline[-1], method=calibration, cv=3))
    pipeline.fit(frame(made.columns, made.signature), made.target)
    packaged = save_model(pipeline, made.signature, tmp_path, holdout=made.columns)
    model = load_model(tmp_path, packaged.signature, packaged.artifact)
    model.warm_up()
    expected = PipelineScorer(pipeline, made.signature).score(made.columns, frozenset({"predict_proba"}))
    answers = model.predict(made.columns, {"predict_proba"})
    np.testing.assert_allclose(answers["predict_proba"], expected["predict_proba"], atol=1e-5)


def test_an_output_that_the_model_has_not_is_a_key_error(tmp_path):
    made = case("Regression")
    packaged = save_model(made.fitted("sklearn.linear_model.Ridge"), made.signature, tmp_path, holdout=made.columns)
    with pytest.raises(KeyError, match="predict_proba"):
        load_model(tmp_path, packaged.signature, packaged.artifact).predict(made.columns, {"predict_proba"})


def test_nothing_warns_while_packing_and_answering(tmp_path):
    made = case("Binary")
    pipeline = made.fitted("lightgbm.LGBMClassifier", {"n_estimators": 5})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        packaged = save_model(pipeline, made.signature, tmp_path, holdout=made.columns)
        load_model(tmp_path, packaged.signature, packaged.artifact).predict(made.columns)
