"""
``detect``: the surge detector over a file, tick by tick; prints alarms as JSON lines.

Rules: ``core/`` decides, as it does online, with the same defaults. The order of the rows does not matter,
but that of the copies of a story the first in the file counts. All series of the file share one budget. A
plain series of values has no gates, for it knows neither stories nor sources, and no share; its margin
is wider, and what fires again within a day is the same alarm (``PLAIN``).
"""

import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec
from rich.console import Console
from rich.progress import Progress

from consumers.watch.core import budget as budgets
from consumers.watch.core.detectability import card
from consumers.watch.core.evidence import Seen
from consumers.watch.core.parameters import Parameters
from consumers.watch.core.together import decide_all, none_yet
from consumers.watch.detect_alarms import Collector
from consumers.watch.detect_input import Counting, Input, read_items, read_values, time_of
from consumers.watch.detect_plot import Trace, draw, drawing
from groundswell.errors import InputError

SERIES_DAYS = 30.0
"""Days between two false alarms of one series, where no budget is given."""

MOST_TICKS = 5_000_000
"""Nine years of minutes; a wrong date would keep the detector busy for days."""

PLAIN = {"stories": 0, "sources": 0, "delta_volume": 1.0, "reopen": 1440}
"""What differs for a plain series of counts: raw volume strays further than stories do, and in bursts."""


class Plan(NamedTuple):
    """The options of the command; None: what the file suggests, or the default of the core."""

    file: Path
    tick: int | None = None
    by: str | None = None
    match: tuple[str, ...] = ()
    budget: float | None = None
    delta_volume: float | None = None
    delta_share: float | None = None
    sources: int | None = None
    plot: Path | None = None
    card: bool = False
    lateness: int = 120


class Card(msgspec.Struct):
    """What can be found in a series: minutes until a surge of each ratio is, None: not at all."""

    series: str
    expected_a_day: float
    usual_share: float | None
    minutes: dict[str, float | None]


def run(plan: Plan) -> int:
    """Run over the file and print; returns the exit code. Raises ``InputError``."""
    if plan.plot is not None:
        drawing()
    try:
        given = _read(plan)
    except OSError as error:
        raise InputError(f"{plan.file}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{plan.file}: not UTF-8 ({error})") from error
    if given.last - given.first >= MOST_TICKS:
        span = " to ".join(time_of(tick, given.tick) for tick in (given.first, given.last))
        raise InputError(
            f"{plan.file}: {span} is too long in ticks of {given.tick} minutes: correct the times, or use a longer --tick"
        )
    parameters = _parameters(plan, given)
    rate = plan.budget or len(given.names) / SERIES_DAYS
    thresholds = budgets.log_thresholds(rate, dict.fromkeys(given.names, 1.0), given.tick)
    log_a = thresholds[given.names[0]]
    console = Console(file=sys.stderr)
    collector = Collector(parameters, log_a)
    trace = Trace(given, log_a) if plan.plot else None
    cards = _decided(given, parameters, thresholds, collector, trace, console)
    if not given.plain and not plan.card:
        collector.add_stories(plan.file, _counting(plan, given.tick))
    alarms = collector.alarms()
    for line in cards if plan.card else alarms:
        sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
    if trace and plan.plot:
        draw(trace, alarms, plan.plot)
    console.print(_summary(given, len(alarms), rate, log_a), highlight=False, soft_wrap=True)
    return 0


def _read(plan: Plan) -> Input:
    if _is_table(plan.file):
        if plan.match or plan.by:
            raise InputError(f"{plan.file}: --match and --by are for items, this is one series")
        return read_values(plan.file, plan.tick)
    return read_items(plan.file, plan.tick, _by(plan), plan.match, plan.lateness)


def _is_table(file: Path) -> bool:
    """Say whether the file does not begin like a JSON object."""
    with file.open("rb") as source:
        return not source.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{")


def _by(plan: Plan) -> str:
    return plan.by or ("" if plan.match else "topic")


def _counting(plan: Plan, tick: int) -> Counting:
    return Counting(tick, _by(plan), plan.match, plan.lateness)


def _parameters(plan: Plan, given: Input) -> Parameters:
    changes: dict[str, float] = {} if given.sources else {"sources": 0}
    if given.plain:
        changes |= PLAIN
    elif plan.sources is not None and given.sources:
        changes["sources"] = plan.sources
    for name in ("delta_volume", "delta_share"):
        if (value := getattr(plan, name)) is not None:
            changes[name] = value
    return msgspec.structs.replace(Parameters(tick=given.tick), **changes)


def _decided(
    given: Input,
    parameters: Parameters,
    thresholds: Mapping[str, float],
    collector: Collector,
    trace: Trace | None,
    console: Console,
) -> list[Card]:
    """Decide every tick; return what can be found in each series at its end."""
    state, said = none_yet(parameters), None
    blank: dict[str, Seen | None] = dict.fromkeys(given.names, None if given.gaps else Seen(0, 0))
    after = None
    with Progress(console=console, transient=True) as progress:
        ticks = range(given.first, given.last + 1)
        for tick in progress.track(ticks, description="detecting"):
            seen = blank | given.seen.get(tick, {})
            after = decide_all(state, tick, seen, thresholds, parameters, said)
            state, said = after.state, after.common
            collector.umbrella(tick, state.umbrella)
            for name, decision in after.decisions.items():
                collector.take(tick, name, decision)
                if trace:
                    trace.add(tick, name, seen[name], decision)
    if after is None:
        return []
    cards = []
    for name, decision in after.decisions.items():
        if decision.null is None:
            cards.append(Card(name, 0.0, None, {}))
            continue
        found = card(decision.null, thresholds[name], parameters)
        minutes = {f"{f.ratio:g}": _rounded(f.minutes) for f in found}
        share = None if given.plain else round(decision.null.usual, 4)
        a_day = decision.null.expected * 1440 / given.tick
        cards.append(Card(name, round(a_day, 4), share, minutes))
    return cards


def _rounded(value: float | None) -> float | None:
    return None if value is None or math.isinf(value) else round(value, 1)


def _summary(given: Input, alarms: int, rate: float, log_a: float) -> str:
    days = (given.last - given.first + 1) * given.tick / 1440
    text = (
        f"{alarms} alarms in {len(given.names)} series over {days:,.0f} days; budget {rate:.3g} false "
        f"alarms a day over all (ln A = {log_a:.2f}, ticks of {given.tick} minutes)"
    )
    if not given.counts:
        text += "; the values are no counts: the budget is not proven for them"
    if given.skipped:
        text += f"; {given.skipped:,} rows without labels left out"
    return text
