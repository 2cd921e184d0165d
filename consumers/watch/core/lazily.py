"""
All series together, one decided tick, with the quiet ones left where they stand.

    touched, or due          caught up, then decided
    a new period             all of them: each baseline learns, and the pool from all
    the others               stay at an earlier tick, until they are one of the above

Rule: what comes out is what ``decide_all`` says, to the last bit, but for the ticks at which quiet series
stand and for decisions in which nothing happens, which are not made. The pool changes in the first tick
of a period only, in which all are decided: what it said is the same for all ticks that are caught up.
``Schedule`` follows from a state; whoever has lost it hands on None.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

from consumers.watch.core.baseline import Baseline, Shadow, unlearnt
from consumers.watch.core.decide import Context, Series, begin, decide
from consumers.watch.core.evidence import Seen
from consumers.watch.core.parameters import Parameters, period_of
from consumers.watch.core.quiet import NEVER, QUIET, caught_up, due
from consumers.watch.core.season import Common, added, common
from consumers.watch.core.together import All, Round, excess_of
from consumers.watch.core.umbrella import umbrella_of

_ROUNDING = 1e-9


class Schedule(NamedTuple):
    """
    What the pool says, and when each series must be decided though it is quiet (``NEVER``: left out).

    ``period`` is the one of the last tick, ``log_threshold`` ln A with which the times were computed:
    with a lower one, or with more ``series`` of the same, they hold no longer.
    """

    common: Common
    period: int
    log_threshold: float
    series: int
    due: dict[str, int]

    def holds(self, log_threshold: float, series: int) -> bool:
        """Say whether the times still hold; ln A - ln(series) is what the umbrella goes by."""
        umbrella = log_threshold - math.log(series) - self.log_threshold + math.log(self.series)
        return log_threshold >= self.log_threshold and umbrella > -_ROUNDING


class Lazily(NamedTuple):
    """A decided tick, and what the next one may go on from."""

    round: Round
    schedule: Schedule


def scheduled(before: All, tick: int, log_threshold: float, parameters: Parameters) -> Schedule:
    """Compute the times from a state; ``tick`` is the next one to be decided."""
    said, others = common(before.pool, parameters), max(1, len(before.series))
    times = {}
    for name, series in before.series.items():
        at = due(series, before.baselines[name], log_threshold, others, said, parameters)
        if at != NEVER:
            times[name] = at
    period = max(
        [s.open.period for s in before.series.values()], default=period_of(tick, parameters)
    )
    return Schedule(said, period, log_threshold, others, times)


def decide_due(
    before: All,
    tick: int,
    seen: Mapping[str, Seen | None],
    log_threshold: float,
    parameters: Parameters,
    schedule: Schedule | None = None,
    shadows: Mapping[int, Shadow] | None = None,
) -> Lazily:
    """
    Decide a tick; ``log_threshold`` is ln A of every series, ``shadows`` by the hash of the new bundle.

    The round's decisions are those of the series that were touched or due.
    """
    names = before.series.keys() | seen.keys()
    others = max(1, len(names))
    if schedule is None or not schedule.holds(log_threshold, others):
        schedule = scheduled(before, tick, log_threshold, parameters)
    said = schedule.common
    times = dict(schedule.due)
    if period_of(tick, parameters) != schedule.period:
        times, wanted = {}, names
    else:
        wanted = {name for name, at in times.items() if at <= tick} | seen.keys()
    decisions = {}
    for name in sorted(wanted):
        shown = seen.get(name, QUIET)
        series, baseline = _standing(before, name, tick, said, parameters)
        context = Context(parameters, log_threshold, said, _shadow(series, shown, shadows or {}))
        decisions[name] = decide(series, baseline, tick, shown, context)
    taught = [d.taught for d in decisions.values() if d.taught is not None]
    pool = added(before.pool, taught, parameters) if taught else before.pool
    baselines = {**before.baselines, **{name: d.baseline for name, d in decisions.items()}}
    excess = {name: excess_of(d, log_threshold) for name, d in decisions.items() if d.null}
    judged = sum([b.periods >= parameters.unlearnt for b in baselines.values()])
    state = All(
        {**before.series, **{name: d.series for name, d in decisions.items()}},
        baselines,
        pool,
        umbrella_of(before.umbrella, tick, excess, judged, parameters),
    )
    told = common(pool, parameters) if taught else said
    for name, decision in decisions.items():
        at = due(decision.series, decision.baseline, log_threshold, others, told, parameters)
        if at == NEVER:
            times.pop(name, None)
        else:
            times[name] = at
    following = Schedule(
        told, period_of(tick, parameters), schedule.log_threshold, schedule.series, times
    )
    return Lazily(Round(state, decisions, told), following)


def _standing(
    before: All, name: str, tick: int, said: Common, parameters: Parameters
) -> tuple[Series, Baseline]:
    """Return a series and its baseline as they stand before ``tick``."""
    series, baseline = before.series.get(name), before.baselines.get(name)
    if series is None or baseline is None:
        return begin(tick, parameters), unlearnt(parameters)
    return caught_up(series, baseline, tick - 1, said, parameters), baseline


def _shadow(series: Series, seen: Seen | None, shadows: Mapping[int, Shadow]) -> Shadow | None:
    """Return what the first new bundle that was compared says beside the one before it."""
    new = [b for b in seen.bundles if b not in series.bundles] if seen else []
    return next((shadows[b] for b in new if b in shadows), None)
