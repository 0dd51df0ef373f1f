"""Fitting and asking models of a history, each once however many strategies want it, with what it cost."""

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from perennial.api.algorithm import Algorithm
from perennial.api.evaluation import Gate
from perennial.api.records.profile import Profile
from perennial.cli.backtesting.history import History
from perennial.cli.backtesting.judging import run_record
from perennial.policy.gates import judge, verdict_of
from perennial.runtime.artifacts import Columns, build_pipeline, frame
from perennial.runtime.monitoring import build_profile
from perennial.runtime.training.answers import Answers, of_pipeline
from perennial.runtime.training.importance import importances
from perennial.stats.metrics import Rows

HOLDOUT = 0.2
CHUNK = 7 * 86400.0
"""Seconds of rows that a model answers at once: asking day by day costs several times as much as the answers."""
IMPORTANCE_ROWS = 1_500


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
    _answers: dict[tuple[Fitted, int], Rows] = field(default_factory=dict)
    _verdicts: dict[tuple[Fitted, Fitted], tuple[str, float]] = field(default_factory=dict)
    _importances: dict[Fitted, dict[str, float]] = field(default_factory=dict)

    def fit(self, start: float, end: float) -> Fitted | None:
        """The model of the rows with start ≤ t < end; None when they cannot be learnt from."""
        key = (start, end)
        if key not in self._models:
            self._models[key] = self._fit(start, end)
        return self._models[key]

    def verdict(self, challenger: Fitted, champion: Fitted) -> tuple[str, float]:
        """What the training's gates say of a challenger on hold-out rows new to the champion, and its gain."""
        pair = (challenger, champion)
        if pair not in self._verdicts:
            self._verdicts[pair] = self._judge(challenger, champion)
        return self._verdicts[pair]

    def _judge(self, challenger: Fitted, champion: Fitted) -> tuple[str, float]:
        rows = challenger.holdout[self.history.seconds[challenger.holdout] >= champion.end]
        if rows.size < 2:
            return "NotEnoughEvidence", 0.0
        ours = self._rows(challenger.judged, rows)
        theirs = self.truth_and_answers(champion, rows)
        if np.unique(ours.truth).size < min(2, self._classes()):
            return "NotEnoughEvidence", 0.0
        names = list(dict.fromkeys([self.metric, *(g.metric for g in self.gates)]))
        record = run_record(names, ours, theirs, task=self.history.signature.task, seed=self.seed)
        state = verdict_of(judge(self.gates, record, champion="champion")).state
        gain = record.comparisons[0].delta
        return {"Approved": "Promoted", "Refused": "Refused", "Pending": "NotEnoughEvidence"}[state], gain

    def profile(self, model: Fitted) -> Profile:
        """The reference of a model: all its rows, and its judged fit's predictions on the hold-out."""
        if model not in self._profiles:
            rows = self.history.between(model.start, model.end)
            answers = self._ask(model.judged, self.history.frame.iloc[model.holdout])
            outputs, score = {"predict": answers.label}, answers.score
            if score is not None and answers.probability:
                outputs["predict_proba"] = np.column_stack([1 - score, score]) if score.ndim == 1 else score
            self._profiles[model] = build_profile(
                {name: values[rows] for name, values in self.history.columns.items()},
                self.history.signature,
                holdout_outputs=outputs,
                times=(self.history.seconds[rows] * 1e6).astype("datetime64[us]"),
            )
        return self._profiles[model]

    def importances(self, model: Fitted) -> dict[str, float]:
        """Permutation importance of the features on the judged fit's hold-out, as a training records it."""
        if model not in self._importances:
            rows = model.holdout[:: max(1, model.holdout.size // IMPORTANCE_ROWS)]
            columns = {name: values[rows] for name, values in self.history.columns.items()}

            def ask(asked: Columns) -> Answers:
                return self._ask(model.judged, frame(asked, self.history.signature))

            y = self.history.y[rows]
            self._importances[model] = importances(ask, columns, y, self.metric, seed=self.seed)
        return self._importances[model]

    def truth_and_answers(self, model: Fitted, rows: np.ndarray) -> Rows:
        """What a model answers for neighbouring rows, with the truth; each week is asked once."""
        if not rows.size:
            return Rows(self.history.y[rows], self.history.y[rows])
        first, last = (int(self.history.seconds[rows[i]] // CHUNK) for i in (0, -1))
        parts = []
        for week in range(first, last + 1):
            chunk = self.history.between(week * CHUNK, (week + 1) * CHUNK)
            if chunk.size:
                parts.append(self._week(model, week, chunk).take(_overlap(chunk, rows)))
        return joined(parts)

    def _week(self, model: Fitted, week: int, chunk: np.ndarray) -> Rows:
        if (model, week) not in self._answers:
            self._answers[model, week] = self._rows(model.pipeline, chunk)
        return self._answers[model, week]

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

    def _ask(self, pipeline: Any, table: pd.DataFrame) -> Answers:
        return of_pipeline(pipeline, table, self.history.signature.task)

    def _rows(self, pipeline: Any, rows: np.ndarray) -> Rows:
        answers = self._ask(pipeline, self.history.frame.iloc[rows])
        return Rows(self.history.y[rows], answers.label, answers.score)

    def _classes(self) -> int:
        return len(self.history.signature.classes or ()) or 1


def joined(parts: list[Rows]) -> Rows:
    """Rows one after the other, of one model or of several."""
    scores = [r.score for r in parts if r.score is not None]
    return Rows(
        np.concatenate([r.truth for r in parts]),
        np.concatenate([r.answer for r in parts]),
        np.concatenate(scores) if scores else None,
    )


def _overlap(chunk: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Where in a chunk of neighbouring rows those of other neighbouring rows lie."""
    return np.arange(int(max(chunk[0], rows[0])), int(min(chunk[-1], rows[-1])) + 1) - int(chunk[0])
