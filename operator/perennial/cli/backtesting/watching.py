"""What a RetrainPolicy would have seen of the model that serves: windows, cohorts, and since when. Decides nothing."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from perennial.api.fields import format_time, parse_duration, parse_time
from perennial.api.records.window import WindowRecord
from perennial.api.retrain import DriftTrigger, PerformanceTrigger
from perennial.cli.backtesting.models import Fitted, Workshop
from perennial.policy.retrain import PerformanceFacts
from perennial.runtime.monitoring.replay import windows_of
from perennial.stats.drift import evaluate_window, typical_effects
from perennial.stats.drift_state import drift_state
from perennial.stats.performance import CohortVerdict, PerformanceOptions, judge_cohort, performance_state
from perennial.stats.verdicts import DriftOptions, DriftState, WindowVerdict
from perennial.stats.windows import acknowledged_until, sum_slots

DAY = 86400.0
WINDOWS_KEPT = 12


@dataclass
class Watch:
    """One serving model under watch, from the moment that it began to serve.

    Attributes:
        since: when it began to serve, seconds since 1970 UTC.
        onset: of the drift that lasts.
        second: what a refused challenger was to mend; until it is too old, only what differs from it too is drift.
    """

    workshop: Workshop
    model: Fitted
    since: float
    onset: float | None = None
    second: WindowRecord | None = None
    _records: list[WindowRecord] = field(default_factory=list)
    _verdicts: list[WindowVerdict] = field(default_factory=list)
    _cohorts: list[CohortVerdict] = field(default_factory=list)

    def drift(self, trigger: DriftTrigger, now: float) -> DriftState:
        """The state after the windows that have ended; a window is a day at least."""
        options, length = options_of(trigger), max(DAY, parse_duration(trigger.window).total_seconds())
        if self.second is not None and now >= acknowledged_until(self.second.end).timestamp():
            self._compare(None, options)
        if now % length == 0:
            for record in self._windows(now, length):
                self._records.append(record)
                self._verdicts.append(self._evaluated(record, options, self._verdicts))
            del self._records[:-WINDOWS_KEPT], self._verdicts[:-WINDOWS_KEPT]
        state = drift_state(self._verdicts, options, importances=self.workshop.importances(self.model))
        if state.state not in ("Drifted", "InsufficientData"):
            self.onset = None
        elif self.onset is None and state.state == "Drifted" and state.since:
            self.onset = parse_time(state.since).timestamp()
        return state

    def acknowledge(self, state: DriftState, trigger: DriftTrigger) -> None:
        """A challenger for this drift was refused: from now on its windows are a second reference."""
        span = [r for r in self._records if state.since and r.start >= state.since]
        if span:
            self._compare(sum_slots(span), options_of(trigger))

    def performance(self, trigger: PerformanceTrigger, known: float) -> PerformanceFacts | None:
        """Cohorts of a day at least whose labels have arrived, each judged once.

        Args:
            known: until when labels are there.
        """
        options = PerformanceOptions(
            trigger.metric, trigger.min, trigger.max, trigger.min_labels, confidence=trigger.confidence
        )
        start = parse_time(self._cohorts[-1].end).timestamp() if self._cohorts else self.since
        rows = self.workshop.history.between(start, known)
        if known - start >= DAY and rows.size >= trigger.min_labels:
            answers = self.workshop.truth_and_answers(self.model, rows)
            first, last = (format_time(datetime.fromtimestamp(t, UTC)) for t in (start, known))
            everything = np.ones(rows.size, dtype=bool)
            classifier = self.workshop.history.signature.task != "Regression"
            judged = judge_cohort(answers, everything, options, start=first, end=last, classifier=classifier)
            self._cohorts = [*self._cohorts, judged][-options.of :]
        if not self._cohorts:
            return None
        state = performance_state(self._cohorts, options)
        return PerformanceFacts(state.state, parse_time(state.since) if state.since else None, state.message)

    def _compare(self, second: WindowRecord | None, options: DriftOptions) -> None:
        """Judge what is remembered again, with another second reference or none."""
        self.second, again = second, list[WindowVerdict]()
        for record in self._records:
            again.append(self._evaluated(record, options, again))
        self._verdicts = again

    def _evaluated(self, record: WindowRecord, options: DriftOptions, past: list[WindowVerdict]) -> WindowVerdict:
        profile, usual = self.workshop.profile(self.model), typical_effects(past)
        return evaluate_window(profile, record, options, acknowledged=self.second, usual_effects=usual)

    def _windows(self, now: float, length: float) -> list[WindowRecord]:
        history, profile = self.workshop.history, self.workshop.profile(self.model)
        rows = history.between(max(now - length, self.since), now)
        if not rows.size:
            return []
        columns = {name: values[rows] for name, values in history.columns.items()}
        answers = self.workshop.truth_and_answers(self.model, rows)
        score = answers.score if answers.score is not None and answers.score.ndim == 1 else answers.answer
        outputs = {profile.outputs[0].name: score} if len(profile.outputs) == 1 else {}
        return list(windows_of(profile, columns, history.seconds[rows], length, outputs=outputs))


def options_of(trigger: DriftTrigger) -> DriftOptions:
    """The policy's options."""
    return DriftOptions(
        threshold=trigger.threshold,
        alpha=trigger.false_alarm_rate,
        min_samples=trigger.min_samples,
        failing=trigger.windows.failing,
        of=trigger.windows.of,
        features=tuple(trigger.features),
    )
