"""What a person can get wrong ends in an exit code and a message that says what to do, never in a traceback."""

import io
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from perennial.api.records.task import ExitCode
from tests.integration.training.conftest import SMALL, Ended, Trainer, csv

pytestmark = pytest.mark.s3

COLUMNS = {"x": lambda i: i % 17, "z": lambda i: i * 0.5, "y": lambda i: "yes" if i % 3 == 0 else "no"}


def refused(ended: Ended, reason: str, *words: str, code: ExitCode = ExitCode.DATA_REFUSED) -> None:
    assert (ended.code, ended.outcome.reason) == (code, reason), ended.outcome
    for word in words:
        assert word in ended.outcome.message
    assert "Traceback" not in ended.outcome.message
    assert ended.outcome.outcome == ("Refused" if code == ExitCode.DATA_REFUSED else "Failed")


def parquet(**columns: object) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


def with_column(**changed: object) -> bytes:
    return csv(200, {**COLUMNS, **changed})


def test_a_missing_column_is_refused_with_the_nearest_name(trainer: Trainer):
    trainer.put("a.csv", csv(200, {"distance": lambda i: i, "late": lambda i: i % 2}))
    refused(trainer.train(trainer.spec(data={"target": "lte"})), "ColumnMissing", "data.target", "did you mean 'late'")


def test_an_empty_folder_is_refused(trainer: Trainer):
    refused(trainer.train(trainer.spec()), "EmptyDataSet", "put the data there")


def test_a_file_without_rows_is_refused(trainer: Trainer):
    trainer.put("a.csv", b"x,z,y\n")
    refused(trainer.train(trainer.spec()), "EmptyDataSet", "no row under")


def test_bounds_that_leave_no_row_are_refused(trainer: Trainer):
    trainer.put("a.csv", with_column(t=lambda i: f"2026-01-{i % 28 + 1:02d}"))
    data = {"train": {"uri": f"s3://{trainer.bucket}/data/", "from": "2027-01-01"}, "features": {"timeColumn": "t"}}
    refused(trainer.train(trainer.spec(data=data)), "EmptyDataSet", "2027-01-01", "widen data.train.from/to")


def test_a_constant_target_is_refused(trainer: Trainer):
    trainer.put("a.csv", with_column(y=lambda i: "yes"))
    refused(trainer.train(trainer.spec()), "ConstantTarget", "nothing to learn")


def test_a_corrupt_parquet_file_is_named(trainer: Trainer):
    good = parquet(x=list(range(500)), y=[i % 2 for i in range(500)])
    damaged = bytearray(good)
    for place in random.Random(0).sample(range(4, 600), 300):
        damaged[place] ^= 0xFF
    trainer.put("a.parquet", good)
    trainer.put("broken.parquet", bytes(damaged))
    refused(trainer.train(trainer.spec()), "CorruptObject", "broken.parquet", "data.train.include")


def test_a_file_that_is_no_parquet_at_all_is_named(trainer: Trainer):
    trainer.put("a.parquet", b"x,y\n1,2\n")
    refused(trainer.train(trainer.spec()), "CorruptObject", "a.parquet")


def test_a_truncated_parquet_file_is_named(trainer: Trainer):
    trainer.put("a.parquet", parquet(x=list(range(500)), y=[i % 2 for i in range(500)])[:-300])
    refused(trainer.train(trainer.spec()), "CorruptObject", "a.parquet")


def test_objects_whose_types_contradict_each_other_are_refused(trainer: Trainer):
    trainer.put("a.parquet", parquet(x=[1, 2] * 50, y=[0, 1] * 50))
    trainer.put("b.parquet", parquet(x=["p", "q"] * 50, y=[0, 1] * 50))
    refused(trainer.train(trainer.spec()), "TypesDiffer", "'x'", "int64", "string")


def test_an_unknown_estimator_is_refused_with_the_nearest_one(trainer: Trainer):
    trainer.put("a.csv", csv(200, COLUMNS))
    algorithm = {"estimator": "sklearn.ensemble.HistGradientBoostClassifier"}
    refused(trainer.train(trainer.spec(algorithm=algorithm)), "SpecInvalid", "HistGradientBoostingClassifier")


def test_an_unknown_parameter_is_refused_with_those_there_are(trainer: Trainer):
    trainer.put("a.csv", csv(200, COLUMNS))
    algorithm = {**SMALL, "parameters": {"max_iters": 3}}
    refused(trainer.train(trainer.spec(algorithm=algorithm)), "SpecInvalid", "max_iters", "max_iter")


def test_a_parameter_value_that_the_estimator_refuses_is_its_users_code(trainer: Trainer):
    trainer.put("a.csv", csv(200, COLUMNS))
    ended = trainer.train(trainer.spec(algorithm={**SMALL, "parameters": {"learning_rate": "fast"}}))
    refused(ended, "UserCode", "learning_rate", "'fast'", code=ExitCode.USER_CODE)
    assert "Traceback" in ended.log


def test_a_field_with_a_typo_is_refused(trainer: Trainer):
    spec = trainer.spec()
    spec["data"]["traget"] = "y"
    ended = trainer.run(trainer.task(trainer.spec()).model_copy(update={"spec": spec}))
    refused(ended, "SpecInvalid", "traget")


@pytest.mark.parametrize(
    ("estimator", "target", "words"),
    [
        ("sklearn.linear_model.Ridge", lambda i: "yes" if i % 2 else "no", "choose a classifier"),
        ("sklearn.tree.DecisionTreeClassifier", lambda i: i * 0.37, "choose a regressor"),
        ("sklearn.tree.DecisionTreeClassifier", lambda i: i, "distinct values"),
        ("sklearn.tree.DecisionTreeClassifier", lambda i: "rare" if i < 3 else f"c{i % 2}", "'rare' has 3 rows"),
        ("sklearn.tree.DecisionTreeClassifier", lambda i: "red" if i % 2 else "blue", "data.positiveClass"),
    ],
)
def test_a_target_that_does_not_fit_the_estimator_is_refused(trainer: Trainer, estimator, target, words):
    trainer.put("a.csv", with_column(y=target))
    refused(trainer.train(trainer.spec(algorithm={"estimator": estimator})), "TargetUnusable", words)


def test_a_class_that_only_the_newest_rows_have_is_refused_for_nothing_could_learn_it(trainer: Trainer):
    of_late = {
        "day": lambda i: f"2026-01-01T{i // 60:02d}:{i % 60:02d}:00Z",
        "y": lambda i: "new" if i >= 180 else f"c{i % 2}",
    }
    trainer.put("a.csv", with_column(**of_late))
    spec = trainer.spec(data={"features": {"timeColumn": "day"}})
    refused(trainer.train(spec), "TargetUnusable", "'new'", "fell into the hold-out")


def test_a_positive_class_that_does_not_occur_is_refused(trainer: Trainer):
    trainer.put("a.csv", csv(200, COLUMNS))
    refused(trainer.train(trainer.spec(data={"positiveClass": "yess"})), "TargetUnusable", "did you mean 'yes'")


def test_a_target_that_is_missing_everywhere_is_refused(trainer: Trainer):
    trainer.put("a.csv", with_column(y=lambda i: ""))
    refused(trainer.train(trainer.spec()), "TargetUnusable", "missing in all 200 rows")


def test_a_feature_that_is_missing_everywhere_is_refused(trainer: Trainer):
    trainer.put("a.csv", with_column(z=lambda i: ""))
    refused(trainer.train(trainer.spec()), "ExpectationFailed", "z: expected some value", "data.features.exclude")


def test_infinite_values_are_refused_with_their_column(trainer: Trainer):
    trainer.put("a.parquet", parquet(x=[1.0, float("inf")] * 100, y=[0, 1] * 100))
    refused(trainer.train(trainer.spec()), "ExpectationFailed", "x: expected finite numbers", "100 infinite")


@pytest.mark.parametrize(
    ("expectation", "words"),
    [
        ({"minRows": 1000}, "at least 1000, found 200"),
        ({"column": "x", "max": 5}, "found 0 to 16"),
        ({"column": "x", "unique": True}, "183 repeated"),
        ({"column": "y", "in": ["no"]}, "found yes"),
        ({"column": "z", "maxMissing": 0.1}, "found 0.25"),
        ({"column": "q", "min": 0}, "data.expectations names the column 'q'"),
    ],
)
def test_an_expectation_that_does_not_hold_is_refused_with_what_was_found(trainer: Trainer, expectation, words):
    trainer.put("a.csv", with_column(z=lambda i: "" if i % 4 == 0 else i))
    ended = trainer.train(trainer.spec(data={"expectations": [expectation]}))
    assert ended.code == ExitCode.DATA_REFUSED
    assert words in ended.outcome.message


def test_too_few_rows_are_refused(trainer: Trainer):
    trainer.put("a.csv", csv(22, {"x": lambda i: i, "y": lambda i: i % 2}))
    refused(trainer.train(trainer.spec()), "TooFewRows", "bring more rows")


def test_columns_named_twice_are_refused(trainer: Trainer):
    trainer.put("a.csv", b"x,x,y\n" + b"1,2,no\n3,4,yes\n" * 50)
    refused(trainer.train(trainer.spec()), "DuplicateColumn", "'x'")


def test_a_bucket_that_does_not_exist_is_a_storage_failure_that_names_it(trainer: Trainer):
    spec = trainer.spec(data={"train": {"uri": "s3://no-such-bucket-here/data/"}})
    refused(trainer.train(spec), "BucketMissing", "no-such-bucket-here", code=ExitCode.STORAGE)


def test_wrong_credentials_are_a_storage_failure_without_the_secret(trainer: Trainer, s3):
    trainer.put("a.csv", csv(200, COLUMNS))
    ended = trainer.run(trainer.task(trainer.spec()), env={"AWS_SECRET_ACCESS_KEY": "wrong-but-secret"})
    refused(ended, "StorageAccessDenied", code=ExitCode.STORAGE)
    assert "wrong-but-secret" not in ended.log + ended.outcome.message


def test_the_data_is_read_with_its_own_secret_and_the_registry_with_ours(trainer: Trainer):
    trainer.put("a.csv", csv(200, COLUMNS))
    secret = {f"PERENNIAL_DATA_{name}": value for name, value in trainer.env.items()}
    task = trainer.task(trainer.spec())
    wrong = trainer.run(task, env={**secret, "PERENNIAL_DATA_AWS_SECRET_ACCESS_KEY": "wrong-but-secret"})
    refused(wrong, "StorageAccessDenied", code=ExitCode.STORAGE)
    assert trainer.run(task, env=secret).code == ExitCode.OK


def test_a_store_that_is_down_is_a_storage_failure(trainer: Trainer):
    ended = trainer.run(trainer.task(trainer.spec()), env={"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9"})
    refused(ended, "StorageUnavailable", code=ExitCode.STORAGE)


def test_a_task_that_cannot_be_read_is_an_internal_failure(trainer: Trainer):
    ended = trainer.run(trainer.task(trainer.spec()), env={"PERENNIAL_TASK": "{}"})
    refused(ended, "InternalError", "PERENNIAL_TASK", code=ExitCode.INTERNAL)
