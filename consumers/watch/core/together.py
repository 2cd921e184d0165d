"""
All series together, one decided tick: each series, the pool that they share, the umbrella over them.

Rules: every known series is decided at every tick, in the order of their names; one that is not
mentioned had no stories, one given as None has no data. The pool that a tick is decided with is the one
that stood before it. Thresholds are parts of one budget: when a series is added, all others' rise.
``lazily.decide_due`` comes to the same without touching the quiet ones.
"""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from consumers.watch.core.baseline import Baseline, Shadow, unlearnt
from consumers.watch.core.decide import Context, Decision, Series, begin, decide
from consumers.watch.core.evidence import NOTHING, Seen
from consumers.watch.core.parameters import Parameters
from consumers.watch.core.season import Common, Pool, added, common, no_pool
from consumers.watch.core.umbrella import Umbrella, umbrella_of

QUIET = Seen(0, 0)


class All(msgspec.Struct, frozen=True):
    """The states of all series, their baselines, the pool and the umbrella."""

    series: dict[str, Series]
    baselines: dict[str, Baseline]
    pool: Pool
    umbrella: Umbrella = Umbrella()


class Round(NamedTuple):
    """The states after a tick, what was decided of each series, and what the pool said."""

    state: All
    decisions: dict[str, Decision]
    common: Common


def none_yet(parameters: Parameters) -> All:
    """Return the state before the first tick."""
    return All({}, {}, no_pool(parameters))


def decide_all(
    before: All,
    tick: int,
    seen: Mapping[str, Seen | None],
    thresholds: Mapping[str, float],
    parameters: Parameters,
    said: Common | None = None,
    shadow: Shadow | None = None,
) -> Round:
    """
    Decide a tick of all series; ``thresholds`` holds ln A of each.

    ``said`` may be handed on from the round before, as long as its pool is still this one's.
    """
    said = said or common(before.pool, parameters)
    decisions: dict[str, Decision] = {}
    for name in sorted({*before.series, *seen}):
        series = before.series.get(name) or begin(tick, parameters)
        baseline = before.baselines.get(name) or unlearnt(parameters)
        context = Context(parameters, thresholds[name], said, shadow)
        decisions[name] = decide(series, baseline, tick, seen.get(name, QUIET), context)
    taught = [d.taught for d in decisions.values() if d.taught is not None]
    pool = added(before.pool, taught, parameters) if taught else before.pool
    excess = {name: excess_of(d, thresholds[name]) for name, d in decisions.items() if d.null}
    state = All(
        {name: d.series for name, d in decisions.items()},
        {name: d.baseline for name, d in decisions.items()},
        pool,
        umbrella_of(before.umbrella, tick, excess, len(excess), parameters),
    )
    return Round(state, decisions, common(pool, parameters) if taught else said)


def excess_of(decision: Decision, log_threshold: float) -> float:
    """Return ln M - ln A of a series, for the umbrella; what rests on silence does not count."""
    return decision.log_evidence - log_threshold if decision.heard else NOTHING
