"""The page of a drift report: what changed first, each column before and after. Every figure has its table."""

from collections.abc import Iterator
from html import escape

from perennial.api.records.drift_report import DriftReport, ReportColumn

MOST_FIGURES = 30
BAR, GAP, WIDTH, LABELS = 7, 6, 560, 190

STYLE = """
:root { color-scheme: light dark; --fg: #1c1f24; --bg: #fff; --soft: #5d6673; --line: #d9dde3; --card: #f6f7f9; }
:root { --warn: #9a5b00; --before: #8a8f98; --after: #3b82c4; }
@media (prefers-color-scheme: dark) {
:root { --fg: #e7e9ec; --bg: #15181c; --soft: #a2abb8; --line: #343a43; --card: #1d2127; --warn: #f0b45a; } }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--fg); background: var(--bg); margin: 0 auto;
max-width: 62rem; padding: 1rem; }
h1 { font-size: 1.5rem; margin: .5rem 0; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; border-bottom: 1px solid var(--line); }
.soft, figcaption { color: var(--soft); } .warning { border-left: 3px solid var(--warn); padding-left: .7rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .6rem; margin: 1rem 0; }
.tile { background: var(--card); border-radius: .5rem; padding: .6rem .8rem; }
.tile b { display: block; font-size: 1.3rem; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1rem; }
figure { margin: 0; } svg { width: 100%; height: auto; }
svg text { fill: currentColor; font: 11px system-ui, sans-serif; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .25rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 600; } td.n, th.n { text-align: right; }
td.hit { font-weight: 700; color: var(--warn); }
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def drift_page(report: DriftReport) -> str:
    """The report as one HTML document."""
    name = f"{report.model} version {report.version}" if report.version else report.model or "two tables"
    parts = [
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(name)} · drift report</title>',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"><style>{STYLE}</style></head><body>',
        f'<header><h1>Drift of {escape(name)}</h1><p class="soft">{escape(report.namespace)} {report.start} to ',
        f"{report.end} against training</p></header><main>",
        *_summary(report),
        *_changes(report),
        *_windows(report),
        *_figures(report),
        "</main></body></html>",
    ]
    return "".join(parts)


def _summary(report: DriftReport) -> Iterator[str]:
    drifted = sum(c.drifted for c in report.columns)
    tiles = (
        ("state", report.state),
        ("requests", f"{report.rows:,}"),
        ("columns drifted", f"{drifted} of {len(report.columns)}"),
        ("share by importance", f"{report.share:.0%}"),
    )
    yield '<section aria-label="Summary"><div class="tiles">'
    yield from (f'<div class="tile"><span class="soft">{k}</span><b>{escape(v)}</b></div>' for k, v in tiles)
    yield f'</div><p class="warning">{escape(report.message)}</p></section>'


def _changes(report: DriftReport) -> Iterator[str]:
    yield "<section><h2>What changed, first to last</h2>"
    yield '<p class="soft">Score: PSI of the newest window that was judged. Limit: beyond it a window alarms. A column '
    yield "is drifted when enough of the last windows alarm. Columns without an alarm follow by score over limit.</p>"
    heads = ("column", "first alarm", "score", "limit", "alarms", "importance", "missing", "outside or unseen")
    yield '<div class="scroll"><table><thead><tr>' + "".join(f"<th>{h}</th>" for h in heads) + "</tr></thead><tbody>"
    for c in report.columns:
        first = c.first_alarm or "–"
        mark = ' class="hit"' if c.drifted else ""
        role = " (prediction)" if c.role == "prediction" else ""
        yield f"<tr><td{mark}>{escape(c.name)}{role}</td><td>{first}</td><td>{c.score:.3f}</td><td>{c.limit:.3f}</td>"
        yield f"<td>{c.alarms}/{c.evaluated}</td><td>{c.importance:.1%}</td><td>{c.missing:.1%}</td>"
        yield f"<td>{c.outside:.1%}</td></tr>"
    yield "</tbody></table></div></section>"


def _windows(report: DriftReport) -> Iterator[str]:
    yield '<section><h2>Window by window</h2><p class="soft">Score over limit; above 1 the column alarms.</p>'
    yield '<div class="scroll"><table><thead><tr><th>column</th>'
    for w in report.windows:
        worth = f"{w.rows:,} rows, worth {w.effective_rows:,.0f}"
        yield f'<th class="n" title="{w.start} to {w.end}: {worth}">{w.start[5:16]}</th>'
    yield "</tr></thead><tbody>"
    for c in report.columns[:MOST_FIGURES]:
        cells = ('<td class="n">–</td>' if r is None else _cell(r) for r in c.ratios)
        yield f"<tr><td>{escape(c.name)}</td>{''.join(cells)}</tr>"
    yield "</tbody></table></div></section>"


def _cell(ratio: float) -> str:
    return f'<td class="n{" hit" if ratio > 1 else ""}">{ratio:.2f}</td>'


def _figures(report: DriftReport) -> Iterator[str]:
    yield '<section><h2>Before and after</h2><p class="soft">Grey: training, blue: requests; share of rows a bin.</p>'
    yield '<div class="figures">'
    for column in report.columns[:MOST_FIGURES]:
        yield f"<figure>{_bars(column)}<figcaption>{escape(column.name)}</figcaption>{_table(column)}</figure>"
    yield "</div></section>"


def _bars(column: ReportColumn) -> str:
    """Two bars a bin, as SVG."""
    most = max((max(b.reference, b.window) for b in column.bins), default=0.0) or 1.0
    step = 2 * BAR + GAP
    height = step * len(column.bins) + GAP
    parts = [f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(column.name)} before and after">']
    for i, b in enumerate(column.bins):
        top = GAP + i * step
        parts.append(f'<text x="{LABELS - 6}" y="{top + BAR + 4}" text-anchor="end">{escape(b.label[:28])}</text>')
        for offset, share, colour in ((0, b.reference, "before"), (BAR, b.window, "after")):
            width = (WIDTH - LABELS) * share / most
            parts.append(
                f'<rect x="{LABELS}" y="{top + offset}" width="{width:.1f}" height="{BAR}" fill="var(--{colour})"/>'
            )
    return "".join(parts) + "</svg>"


def _table(column: ReportColumn) -> str:
    rows = "".join(
        f'<tr><td>{escape(b.label)}</td><td class="n">{b.reference:.2%}</td><td class="n">{b.window:.2%}</td></tr>'
        for b in column.bins
    )
    heads = '<thead><tr><th>bin</th><th class="n">training</th><th class="n">requests</th></tr></thead>'
    return f"<details><summary>As a table</summary><table>{heads}<tbody>{rows}</tbody></table></details>"
