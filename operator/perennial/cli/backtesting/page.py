"""The self-contained HTML page of a backtest: table, plot, what it means. No script, no link to elsewhere."""

import io
from html import escape
from typing import Any

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse}td,th{padding:.3rem .8rem;border-bottom:1px solid #ccc;text-align:right}"
    "td:first-child,th:first-child{text-align:left}svg{max-width:100%;height:auto}"
    "@media(prefers-color-scheme:dark){body{background:#16181c;color:#e8e8e8}svg{background:#fff}}"
)


def page(result: dict[str, Any]) -> str:
    """The page of what `-o json` prints."""
    strategies = "".join(
        f"<tr><td>{escape(s['name'])}</td><td>{s['value']:.4f}</td><td>{s['retrains']:g}</td>"
        f"<td>{s['promoted']:g}</td><td>{s['cpuSeconds']:.1f}</td></tr>"
        for s in result["strategies"]
    )
    verdicts = "".join(
        f"<li>The policy <strong>{escape(c['verdict'])}</strong> {escape(c['control'])}: "
        f"{c['difference']:+.4f} ({c['lower']:+.4f} … {c['upper']:+.4f})</li>"
        for c in result["comparisons"]
    )
    metric = escape(result["metric"])
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Backtest</title><style>{STYLE}</style>'
        f"<h1>Backtest</h1><p>{metric} by week, each row predicted before it was learnt from, labels after "
        f"{escape(result['labelDelay'])}.</p>{_plot(result)}"
        f"<table><thead><tr><th>strategy</th><th>mean weekly {metric}</th><th>retrains</th><th>promoted</th>"
        f"<th>CPU s</th></tr></thead><tbody>{strategies}</tbody></table><ul>{verdicts}</ul>"
        "<p>Differences are means over weeks with a 95 % interval by a block bootstrap over weeks; "
        "“beats” means that the interval excludes 0.</p></html>"
    )


def _plot(result: dict[str, Any]) -> str:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="tight")
    axes = figure.subplots()
    for name, values in result["weekly"].items():
        axes.plot(range(len(values)), [float("nan") if v is None else v for v in values], label=name)
    axes.set_xlabel("week")
    axes.set_ylabel(result["metric"])
    axes.legend()
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]
