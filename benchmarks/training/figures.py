"""What is measured, and the table of it."""

from dataclasses import dataclass
from statistics import median

JUDGING = ("evaluate", "package", "publish")
"""Stages that the bare script has nothing of; they are shown, and not counted as overhead."""

READING = ("fetch", "validate", "split")


@dataclass(frozen=True)
class Bare:
    """One run of the plain script."""

    wall_seconds: float
    peak_mib: float
    fit_seconds: float
    roc_auc: float


@dataclass(frozen=True)
class Ours:
    """One run of the trainer's container command."""

    wall_seconds: float
    peak_mib: float
    timings: dict[str, float]  # seconds by stage
    roc_auc: float

    @property
    def judging_seconds(self) -> float:
        """Seconds of what the script does not do."""
        return sum(self.timings.get(stage, 0.0) for stage in JUDGING)

    @property
    def reading_seconds(self) -> float:
        """Seconds until rows are ready to be preprocessed."""
        return sum(self.timings.get(stage, 0.0) for stage in READING)


def summary(bare: list[Bare], ours: list[Ours]) -> dict[str, float]:
    """Medians, pair by pair where the two are compared."""
    pairs = list(zip(bare, ours, strict=True))
    return {
        "bare wall s": median(b.wall_seconds for b in bare),
        "ours wall s": median(o.wall_seconds for o in ours),
        "of it evaluate, package, publish s": median(o.judging_seconds for o in ours),
        "overhead s": median(o.wall_seconds - o.judging_seconds - b.wall_seconds for b, o in pairs),
        "memory ratio": median(o.peak_mib / b.peak_mib for b, o in pairs),
        "bare peak MiB": median(b.peak_mib for b in bare),
        "ours peak MiB": median(o.peak_mib for o in ours),
        "fit s": median(b.fit_seconds for b in bare),
        "fetch + validate + split s": median(o.reading_seconds for o in ours),
        "reading / fit": median(o.reading_seconds / b.fit_seconds for b, o in pairs),
        "roc_auc, bare": median(b.roc_auc for b in bare),
        "roc_auc, ours": median(o.roc_auc for o in ours),
    }


GOALS = {"overhead s": "≤ 3", "memory ratio": "≤ 1.25", "reading / fit": "≤ 0.20"}


def table(figures: dict[str, float]) -> str:
    """As Markdown."""
    lines = ["| figure | value | goal |", "| --- | ---: | --- |"]
    return "\n".join(
        [*lines, *(f"| {name} | {value:.3g} | {GOALS.get(name, '')} |" for name, value in figures.items())]
    )
