"""What was found out about one metric, before it is decided whether the step is judged now."""

from dataclasses import dataclass
from typing import Literal

from perennial.api.deployment_status import AnalysisStatus

Result = Literal["Passed", "Failed", "Waiting", "NotEnoughEvidence", "NotJudged"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One metric of one step.

    Args:
        metric: its name.
        stable, candidate: the values.
        samples: candidate requests counted.
        needed: candidate requests that complete the evidence; None: not known yet.
        is_beyond: the candidate is beyond the limit, at this metric's share of α.
        excludes: which harm the requests so far exclude.
        message: what is accepted and what came, for people.
        settled: for what is not counted in requests, whether its value is known; None: it is counted in requests.
        blind: why this metric cannot be judged at all; empty: it can.
    """

    metric: str
    stable: float | None = None
    candidate: float | None = None
    samples: int = 0
    needed: int | None = None
    is_beyond: bool = False
    excludes: str = ""
    message: str = ""
    settled: bool | None = None
    blind: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether more requests would not change the step's power; true for what cannot be judged."""
        if self.settled is not None:
            return self.settled
        return bool(self.blind) or (self.needed is not None and self.samples >= self.needed)

    def row(self, *, judged: bool, least: int = 0) -> AnalysisStatus:
        """The row in the status.

        Args:
            judged: whether the step is judged now.
            least: requests that the step asks for in any case.
        """
        return AnalysisStatus(
            metric=self.metric,
            stable=_short(self.stable),
            candidate=_short(self.candidate),
            samples=self.samples if self.settled is None else None,
            needed=None if self.needed is None else max(self.needed, least),
            result=self._result(judged),
            excludes=self.excludes,
            message=self.blind or (self.message if judged or self.settled is False else ""),
        )

    def _result(self, judged: bool) -> Result:
        if self.blind:
            return "NotJudged"
        if not judged:
            return "Waiting"
        if self.is_beyond:
            return "Failed"
        return "Passed" if self.is_complete else "NotEnoughEvidence"


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")
