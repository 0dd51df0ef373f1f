"""The report's figures as inline SVG: no pixels, no requests, one colour for text that follows the page's theme."""

import io
import os
import tempfile
from collections.abc import Callable, Sequence

import numpy as np

os.environ.setdefault("MPLCONFIGDIR", tempfile.gettempdir())  # the root file system of a pod is read-only
import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from perennial.api.records.run import Measured
from perennial.runtime.training.curves import calibration_points, precision_recall_points, roc_points

TEXT = "#123456"
"""A colour that nothing else has: replaced by `currentColor`, so that text follows light and dark themes."""
BLUE, ORANGE, GREY = "#3b82c4", "#d9822b", "#8a8f98"
SIZE = (4.6, 3.4)  # inches; scaled to the column by CSS
STYLE = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": TEXT,
    "axes.labelcolor": TEXT,
    "axes.edgecolor": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": TEXT,
    "ytick.color": TEXT,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "legend.frameon": False,
}


def figure(name: str, draw: Callable[[Axes], None], *, height: float = SIZE[1]) -> str:
    """One drawing as an <svg> element. The same data gives the same bytes."""
    with mpl.rc_context({**STYLE, "svg.hashsalt": name}):
        canvas = Figure(figsize=(SIZE[0], height), layout="constrained")
        draw(canvas.add_subplot())
        out = io.StringIO()
        canvas.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    return text[text.index("<svg") :].replace(TEXT, "currentColor")


def roc(y: np.ndarray, score: np.ndarray) -> str:
    """ROC curve of the positive class."""
    false, true = roc_points(y, score)

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=0.8)
        axes.plot(false, true, color=BLUE)
        axes.set(xlabel="false positive rate", ylabel="true positive rate", xlim=(0, 1), ylim=(0, 1.01))

    return figure("roc", draw)


def precision_recall(y: np.ndarray, score: np.ndarray) -> str:
    """Precision against recall; the dashed line is the share of positives."""
    recall, precision = precision_recall_points(y, score)

    def draw(axes: Axes) -> None:
        axes.axhline(float(y.mean()), color=GREY, linestyle="--", linewidth=0.8)
        axes.plot(recall, precision, color=BLUE)
        axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.01))

    return figure("precision-recall", draw)


def calibration(y: np.ndarray, probability: np.ndarray) -> str:
    """Observed share against mean prediction in ten bins of equal size."""
    predicted, observed, counts = calibration_points(y, probability)

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=0.8)
        error = 1.96 * np.sqrt(observed * (1 - observed) / counts)
        axes.errorbar(predicted, observed, yerr=error, color=BLUE, marker="o", markersize=4, linewidth=1)
        top = min(1.0, max(predicted.max(), observed.max()) * 1.15 + 0.02)
        axes.set(xlabel="predicted probability", ylabel="observed share", xlim=(0, top), ylim=(0, top))

    return figure("calibration", draw)


def residuals(y: np.ndarray, predicted: np.ndarray) -> str:
    """Predicted against true values of at most 2,000 rows, evenly taken."""
    step = max(1, len(y) // 2000)

    def draw(axes: Axes) -> None:
        low, high = float(min(y.min(), predicted.min())), float(max(y.max(), predicted.max()))
        axes.plot([low, high], [low, high], color=GREY, linestyle="--", linewidth=0.8)
        axes.scatter(y[::step], predicted[::step], s=5, alpha=0.35, color=BLUE, linewidths=0, rasterized=False)
        axes.set(xlabel="true value", ylabel="predicted value")

    return figure("residuals", draw)


def importance(values: dict[str, float], *, most: int = 20) -> str:
    """Permutation importance of the strongest columns."""
    shown = list(values.items())[:most][::-1]

    def draw(axes: Axes) -> None:
        axes.barh([name[:28] for name, _ in shown], [value for _, value in shown], color=BLUE)
        axes.set_xlabel("loss of the metric when shuffled")

    return figure("importance", draw, height=max(1.8, 0.26 * len(shown) + 0.6))


def slices(column: str, levels: Sequence[str], measured: Sequence[Measured], overall: float) -> str:
    """A metric by level with its intervals; the dashed line is the value over all rows."""

    def draw(axes: Axes) -> None:
        places = np.arange(len(levels))[::-1]
        values = np.array([m.value for m in measured])
        lower = np.array([m.value if m.lower is None else m.lower for m in measured])
        upper = np.array([m.value if m.upper is None else m.upper for m in measured])
        spread = np.clip([values - lower, upper - values], 0, None)
        axes.errorbar(values, places, xerr=spread, fmt="o", markersize=4, color=BLUE, linewidth=1)
        axes.axvline(overall, color=ORANGE, linestyle="--", linewidth=0.8)
        axes.set_yticks(places, [level[:24] for level in levels])
        axes.set_ylabel(column)

    return figure(f"slices-{column}", draw, height=max(1.8, 0.26 * len(levels) + 0.6))
