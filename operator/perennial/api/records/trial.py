"""Trials of a search that is spread over pods: what each came to, and which were lost."""

from typing import Any

from perennial.api.records.record import Record

TrialId = tuple[int, int]
"""Number of the design (of `algorithm.candidates`), index of the trial in its search."""


class TrialRecord(Record):
    """runs/<run digest>/trials/<design>-<index>.json: a trial that has ended. Written once.

    With `reuse: false` it lies in trials/<search>/.
    """

    design: int
    index: int
    parameters: dict[str, Any] = {}
    share: float = 1.0  # of the training rows
    metric: str
    score: float | None = None  # larger is better; None: the estimator raised, or gave nothing for the metric
    se: float | None = None
    failure: str = ""
    reason: str = ""  # of the failure
    exit_code: int = 0  # of a run that would end with it
    cost: dict[str, float] = {}
    attempt: str = ""  # UID of the pod

    @property
    def id(self) -> TrialId:
        """Which trial it is."""
        return self.design, self.index


class LostTrial(Record):
    """A trial whose pods ended without a result, as often as they may."""

    design: int
    index: int
    reason: str = ""
    message: str = ""


class LostTrials(Record):
    """runs/<run digest>/searches/<search>/<round>.json: what a round of one search has given up. Written once.

    Lost trials score worst. They belong to the search and not to the run: who tries again may have more memory.
    """

    trials: list[LostTrial]
