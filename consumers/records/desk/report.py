"""The quality of the alerts: values in, something that rich can print out. Pure."""

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from consumers.records.quality import FalseAlarms, Precision, Quality

_HOW = "say what an alert was with `groundswell alerts judge ID hit|miss|void --reason …`"


def report(quality: Quality) -> RenderableType:
    """Lay out the report."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("alerts")
    for name in ("all", "hits", "misses", "void", "unjudged", "by a person"):
        table.add_column(name, justify="right")
    table.add_column("precision (95 % interval)")
    table.add_column("share of void")
    for name, line in (
        ("all", quality.all),
        *quality.by_kind.items(),
        *quality.by_severity.items(),
    ):
        numbers = line.alerts, line.hits, line.misses, line.void, line.unjudged, line.by_person
        void = "–" if line.void_share is None else f"{line.void_share:.0%}"
        table.add_row(name, *map(str, numbers), _precision(line), void)
    sentences = (*_nothing(quality.all), *_false_alarms(quality.false_alarms))
    return Group(table, *(Text(sentence) for sentence in sentences))


def _precision(line: Precision) -> str:
    if line.precision is None or line.interval is None:
        return "–"
    low, high = line.interval
    return f"{line.precision:.0%} ({low:.0%} … {high:.0%})"


def _nothing(line: Precision) -> Iterator[str]:
    if not line.alerts:
        yield "No alert was raised in that time: there is nothing to judge."
    elif line.unjudged == line.alerts:
        yield f"None of the {line.alerts} alerts has a verdict: nothing can be said yet; {_HOW}."
    elif line.precision is None:
        yield "Every alert that was judged is void: there is no precision."


def _false_alarms(found: FalseAlarms) -> Iterator[str]:
    if found.ratio is None or found.interval is None or found.at_most is None:
        yield "No minute of that time was decided under a budget that the records know."
        return
    low, high = found.interval
    yield (
        f"False alarms: {found.observed} of the surges, where the budget allowed "
        f"{found.budgeted:.2f} over {found.days:.1f} decided days: {found.ratio:.2f} of it "
        f"(95 % interval {low:.2f} … {high:.2f})."
    )
    if found.unjudged:
        yield (
            f"{found.unjudged} more of the surges have no verdict: were all of them false, it would "
            f"be {found.at_most:.2f}."
        )
