"""
The list of alerts: values in, a rich table out. Pure.

Rule: state and severity are told by sign and word, never by colour alone; texts are never markup.
"""

from collections.abc import Sequence
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from consumers.records.alerts import Alert
from consumers.records.desk.figures import figures
from consumers.records.desk.forms import flags
from consumers.records.desk.moments import MINUTE_MS, short
from consumers.records.desk.plain import plain

_STATES: Final = {
    "firing": ("●", "bold red"),
    "recovering": ("◑", "yellow"),
    "resolved": ("✓", "green"),
    "pending": ("◔", "yellow"),
    "learning": ("…", "bright_black"),
    "normal": ("○", ""),
}
_SEVERITIES: Final = {"critical": ("‼", "bold red"), "warning": ("!", "yellow")}
WIDE: Final = 132
"""From this width on, everything has a column of its own."""


def state_text(state: str) -> Text:
    """Return a state with its sign."""
    sign, style = _STATES.get(state, ("?", ""))
    return Text(f"{sign} {plain(state, 20)}", style=style)


def severity_text(severity: str) -> Text:
    """Return a severity with its sign."""
    sign, style = _SEVERITIES.get(severity, ("?", ""))
    return Text(f"{sign} {plain(severity, 20)}", style=style)


def listing(alerts: Sequence[Alert], now: int, width: int) -> Table:
    """Lay out alerts for a terminal of ``width`` characters; ``now`` in ms."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    if width >= WIDE:
        _wide(table, alerts, now)
    else:
        _narrow(table, alerts, now)
    return table


def _wide(table: Table, alerts: Sequence[Alert], now: int) -> None:
    for name in ("state", "severity", "kind"):
        table.add_column(name, no_wrap=True)
    table.add_column("series", overflow="fold", min_width=12)
    table.add_column("since (UTC)", no_wrap=True)
    for name in ("peak", "seen / usual"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("flags", overflow="fold", min_width=12)
    table.add_column("id", no_wrap=True)
    for alert in alerts:
        table.add_row(
            state_text(alert.state),
            severity_text(alert.severity),
            Text(plain(alert.kind, 20)),
            Text(plain(alert.series, 60)),
            Text(short(alert.onset * MINUTE_MS)),
            Text(peak(alert)),
            Text(seen(alert)),
            Text(told_flags(alert, now)),
            Text(plain(alert.id, 40)),
        )


def _narrow(table: Table, alerts: Sequence[Alert], now: int) -> None:
    """Tell each alert in two lines, which fit 80 columns."""
    for name in ("state\nseverity", "id\nseries", "since (UTC)\nkind, peak"):
        table.add_column(name, no_wrap=True, overflow="ellipsis")
    table.add_column("seen / usual\nflags", overflow="fold")
    for alert in alerts:
        lines = Text("\n").join
        table.add_row(
            lines([state_text(alert.state), severity_text(alert.severity)]),
            Text(f"{plain(alert.id, 40)}\n{plain(alert.series, 60)}"),
            Text(f"{short(alert.onset * MINUTE_MS)}\n{plain(alert.kind, 20)}, {peak(alert)}"),
            Text(f"{seen(alert)}\n{told_flags(alert, now)}"),
        )


def peak(alert: Alert) -> str:
    """Return the highest evidence, ln M, where there is any."""
    return f"{alert.peak:.1f}" if alert.peak else "–"


def seen(alert: Alert) -> str:
    """Return observed against expected, out of the evidence."""
    effect = figures(alert.evidence).effect
    if effect is None:
        return "–"
    return f"{effect.observed} / {effect.expected:.1f} (×{effect.ratio:.1f})"


def told_flags(alert: Alert, now: int) -> str:
    """Return the flags that hold, to whom it is assigned, and the verdict."""
    told = list(flags(alert, now))
    if alert.assigned is not None:
        told.append(f"→ {plain(alert.assigned.to, 30)}")
    if alert.reopened:
        told.append(f"reopened {alert.reopened}×")
    if alert.verdict is not None:
        told.append(plain(alert.verdict.judgement, 10))
    return ", ".join(told)
