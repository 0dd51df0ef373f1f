"""Fitting and asking models of a history, each once however many strategies want it, with what it cost."""

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from perennial.api.algorithm import Algorithm
from perennial.api.evaluation import Gate
from perennial.api.metrics import METRICS
from perennial.api.records.profile import Profile
from perennial.api.records.run import Artifact, Comparison, DataFacts, Measured, RunRecord
from perennial.cli.backtesting.history import History
from perennial.policy.gates import judge, verdict_of
from perennial.runtime.artifacts import build_pipeline
from perennial.runtime.monitoring import build_profile
from perennial.stats.intervals import interval
from perennial.stats.metrics import Rows
from perennial.stats.paired import compare

HOLDOUT = 0.2


@dataclass(frozen=True, eq=False)
class Fitted:
    """A model: the hold-out was its judged fit's, the pipeline saw all rows up to `end`."""

    start: float
    end: float
    pipeline: Any
    judged: Any
    holdout: np.ndarray
    cpu_seconds: float


@dataclass
class Workshop:
    """Makes models for one history and one training, and remembers them."""

    history: History
    algorithm: Algorithm
    gates: list[Gate]
    metric: str
    larger_is_better: bool
    seed: int = 42
    _models: dict[tuple[float, float], Fitted | None] = field(default_factory=dict)
    _profiles: dict[Fitted, Profile] = field(default_factory=dict)
    _answers: dict[tuple[Fitted, int, int], Rows] = field(default_factory=dict)

    def fit(self, start: float, end: float) -> Fitted | None:
        """The model of the rows with start ≤ t < end; None when they cannot be learnt from."""
        key = (start, end)
        if key not in self._models:
            self._models[key] = self._fit(start, end)
        return self._models[key]

    def verdict(self, challenger: Fitted, champion: Fitted) -> tuple[str, float]:
        """What the training's gates say of a challenger on hold-out rows new to the champion, and its gain."""
        rows = challenger.holdout[self.history.seconds[challenger.holdout] >= champion.end]
        if rows.size < 2:
            return "NotEnoughEvidence", 0.0
        ours = self._rows(challenger.judged, rows)
        theirs = self._rows(champion.pipeline, rows)
        if np.unique(ours.truth).size < min(2, self._classes()):
            return "NotEnoughEvidence", 0.0
        record = self._record(ours, theirs)
        state = verdict_of(judge(self.gates, record, champion="champion")).state
        gain = record.comparisons[0].delta
        return {"Approved": "Promoted", "Refused": "Refused", "Pending": "NotEnoughEvidence"}[state], gain

    def profile(self, model: Fitted) -> Profile:
        """The reference of a model: all its rows, and its judged fit's predictions on the hold-out."""
        if model not in self._profiles:
            rows = self.history.between(model.start, model.end)
            label, score = self._ask(model.judged, model.holdout)
            outputs = {"predict": label}
            if score is not None and self.history.signature.task != "Regression":
                outputs["predict_proba"] = np.column_stack([1 - score, score]) if score.ndim == 1 else score
            self._profiles[model] = build_profile(
                {name: values[rows] for name, values in self.history.columns.items()},
                self.history.signature,
                holdout_outputs=outputs,
                times=(self.history.seconds[rows] * 1e6).astype("datetime64[us]"),
            )
        return self._profiles[model]

    def truth_and_answers(self, model: Fitted, rows: np.ndarray) -> Rows:
        """What a model answers for neighbouring rows, with the truth; asked once."""
        key = (model, int(rows[0]) if rows.size else 0, rows.size)
        if key not in self._answers:
            self._answers[key] = self._rows(model.pipeline, rows)
        return self._answers[key]

    def _fit(self, start: float, end: float) -> Fitted | None:
        rows = self.history.between(start, end)
        cut = rows.size - max(1, round(HOLDOUT * rows.size))
        if cut < 20 or np.unique(self.history.y[rows[:cut]]).size < min(2, self._classes()):
            return None
        began = time.process_time()
        judged, pipeline = self._pipeline(rows[:cut]), self._pipeline(rows)
        cost = time.process_time() - began
        return Fitted(start, end, pipeline, judged, rows[cut:], cost)

    def _pipeline(self, rows: np.ndarray) -> Any:
        design = self.algorithm
        assert design.estimator is not None  # noqa: S101  load_history looked
        pipeline = build_pipeline(self.history.signature, design.estimator, design.parameters, seed=self.seed)
        return pipeline.fit(self.history.frame.iloc[rows], self.history.y[rows])

    def _ask(self, pipeline: Any, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        table = self.history.frame.iloc[rows]
        label = np.asarray(pipeline.predict(table))
        if self.history.signature.task == "Regression" or not hasattr(pipeline, "predict_proba"):
            return label, None
        score = np.asarray(pipeline.predict_proba(table))
        return label, score[:, 1] if score.shape[1] == 2 else score

    def _rows(self, pipeline: Any, rows: np.ndarray) -> Rows:
        if not rows.size:
            return Rows(self.history.y[rows], self.history.y[rows])
        return Rows(self.history.y[rows], *self._ask(pipeline, rows))

    def _classes(self) -> int:
        return len(self.history.signature.classes or ()) or 1

    def _record(self, ours: Rows, theirs: Rows) -> RunRecord:
        names = list(dict.fromkeys([self.metric, *(g.metric for g in self.gates)]))
        comparisons = [self._comparison(name, ours, theirs) for name in names]
        found = {n: interval(n, ours.truth, y_pred=ours.label, y_score=ours.score, seed=self.seed) for n in names}
        metrics = {
            n: Measured(value=i.value, lower=i.lower, upper=i.upper, se=i.se, n=i.n, method=i.method)
            for n, i in found.items()
        }
        return RunRecord(
            run_digest="challenger",
            run_key="",
            namespace="",
            model="",
            data=DataFacts(digest="", rows=ours.truth.size, bytes=0, columns=0),
            environment_digest="",
            task=self.history.signature.task,
            attempt="",
            files={},
            artifact=Artifact(digest=""),
            metrics=metrics,
            comparisons=comparisons,
        )

    def _comparison(self, metric: str, ours: Rows, theirs: Rows) -> Comparison:
        better = METRICS[metric].maximize if metric in METRICS else self.larger_is_better
        d = compare(metric, ours, theirs, larger_is_better=better, seed=self.seed)
        return Comparison(
            against="champion",
            metric=metric,
            n=d.n,
            delta=d.delta,
            se=d.se,
            challenger=d.challenger,
            champion=d.champion,
            method=d.method,
            bootstrap=list(d.bootstrap),
        )
