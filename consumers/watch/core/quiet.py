"""
Quiet ticks: what a series without stories becomes, and until when nothing can come of it.

A quiet tick adds to the evidence of the volume its factor for X = 0, which lies below 1, and to the open
period what was expected; nothing else moves. ``caught_up`` takes many of them at once and comes to the
same bits as ``decide`` a tick at a time: the same operations in the same order, without the rest.

``due`` says how long that may wait. Each S grows by at most 1 a tick, so that M, the mean of as many
components of the volume as of the share, grows by at most a half. A series is due

    in the next tick      while it is elevated, cools, or holds an episode that may be reopened
    never                 if none of its spans holds a negative story: silence alone is no evidence
    never                 if its heaviest component is of the volume, began with the silence, and rises
    when M may reach      the threshold of `pending`, or what the umbrella may select, by that bound
      ... otherwise

and at the latest in the first tick of the next period, in which all series are decided.
"""

import math
from typing import Final

import msgspec

from consumers.watch.core import baseline as baselines
from consumers.watch.core import evidence as evidences
from consumers.watch.core.baseline import Baseline, Open
from consumers.watch.core.budget import log_pending
from consumers.watch.core.decide import Series
from consumers.watch.core.evidence import Evidence, Null, Seen, volume_factors
from consumers.watch.core.parameters import Parameters, period_of
from consumers.watch.core.season import Common
from consumers.watch.core.states import ELEVATED
from consumers.watch.core.umbrella import LEVEL
from groundswell.errors import Bug

NEVER: Final = 2**62
QUIET: Final = Seen(0, 0)
_CLEAR: Final = 1e-6
"""How far one logarithm must lie above another, so that rounding cannot swap them."""

_SAFE: Final = 0.999
"""The bound is taken a little early: rounding adds to M as well."""


def caught_up(
    series: Series, baseline: Baseline, until: int, common: Common, parameters: Parameters
) -> Series:
    """
    Return the series as ``decide`` leaves it after quiet ticks up to ``until``.

    All of them lie in the period of its last tick, and before ``due``. Raises ``Bug`` otherwise.
    """
    if until == series.tick:
        return series
    period = series.open.period
    if until < series.tick or period_of(until, parameters) != period:
        raise Bug(f"tick {until} lies outside of period {period}, or before {series.tick}")
    evidence, held = series.evidence, series.open
    first = series.tick + 1
    single = series.bundle_at + parameters.ticks(parameters.bundle_margin)
    for begin, end in ((first, min(until, single - 1)), (max(first, single), until)):
        if begin > end:
            continue
        null = baselines.null_of(baseline, period, common, parameters, doubled=begin < single)
        count = end - begin + 1
        if null is not None:
            evidence = _quiet_evidence(evidence, begin, count, null, parameters)
        held = _quiet_period(held, count, null.expected if null else 0.0)
    return msgspec.structs.replace(
        series,
        tick=until,
        evidence=evidence,
        open=held,
        heat=max(0, series.heat - (until - series.tick)),
    )


def _quiet_evidence(
    evidence: Evidence, tick: int, count: int, null: Null, parameters: Parameters
) -> Evidence:
    """Take ``count`` quiet ticks from ``tick`` on; spans are only rebuilt when a twin has ended."""
    ratios = parameters.ratios
    factors = volume_factors(0, null.mean, null.size, ratios)
    end = tick + count
    while tick < end:
        standing = [twin > 0 for twin in evidence.twins]
        evidence = evidences.step(evidence, tick, QUIET, null, ratios)
        tick += 1
        if standing == [twin > 0 for twin in evidence.twins]:
            evidence, tick = _steady(evidence, tick, end, factors, null.expected)
    return evidence


def _steady(
    evidence: Evidence, tick: int, end: int, factors: list[float], expected: float
) -> tuple[Evidence, int]:
    """Take quiet ticks as long as the same twins stand; return the first tick not taken."""
    size = len(factors)
    twins, alive = list(evidence.twins[:size]), [n for n in range(size) if evidence.twins[n] > 0]
    begun = tick
    while tick < end and all(twins[n] > 0 for n in alive):
        for n in alive:
            twins[n] = max(0.0, factors[n] + twins[n])
        tick += 1
    taken = tick - begun
    if not taken:
        return evidence, tick
    logs = [
        evidences.repeated(log, factor, taken)
        for log, factor in zip(evidence.logs, factors, strict=False)
    ]
    standing = {
        place for place, twin in zip(evidence.places, evidence.twins, strict=True) if twin > 0
    }
    spans = tuple(
        [
            msgspec.structs.replace(span, expected=_added(span.expected, expected, taken))
            if place in standing
            else evidences.Span(tick - 1, expected)
            for place, span in enumerate(evidence.spans)
        ]
    )
    return Evidence(
        (*logs, *evidence.logs[size:]), (*twins, *evidence.twins[size:]), evidence.places, spans
    ), tick


def _quiet_period(held: Open, count: int, expected: float) -> Open:
    square = expected**2
    return msgspec.structs.replace(
        held,
        ticks=held.ticks + count,
        expected=_added(held.expected, expected, count),
        excess=_added(held.excess, square, count),
        square=_added(held.square, square, count),
    )


def _added(total: float, value: float, count: int) -> float:
    """Add ``value`` so many times, one after the other: a product rounds otherwise."""
    for _ in range(count):
        total += value
    return total


def due(
    series: Series,
    baseline: Baseline,
    log_threshold: float,
    others: int,
    common: Common,
    parameters: Parameters,
) -> int:
    """Return the next tick in which a quiet series must be decided; ``others``: all series."""
    machine, following = series.machine, series.tick + 1
    if machine.status in ELEVATED or machine.episode or following < series.cooling_until:
        return following
    if baseline.periods < parameters.unlearnt or not _heard(series.evidence):
        return NEVER
    floor = min(
        log_pending(log_threshold, parameters.tick),
        log_threshold + math.log(LEVEL / max(1, others)),
    )
    room = math.exp(floor) * _SAFE - math.exp(min(evidences.log_evidence(series.evidence), floor))
    if room >= 1:
        return following + int(2 * room)
    null = baselines.null_of(baseline, series.open.period, common, parameters, doubled=True)
    if null is not None and _silent(series.evidence, null, parameters):
        return NEVER
    return following


def _heard(evidence: Evidence) -> bool:
    return any(span.negative or span.late_negative for span in evidence.spans)


def _silent(evidence: Evidence, null: Null, parameters: Parameters) -> bool:
    """Say whether the heaviest component stays one of the volume that began with the silence."""
    size = len(parameters.ratios)
    if any(twin > 0 for twin in evidence.twins[:size]):
        return False
    factors = volume_factors(0, null.mean, null.size, parameters.ratios)
    highest = max(evidence.logs[size:])
    return any(
        log > highest + _CLEAR and evidences.repeated(log, factor, 1) >= log
        for log, factor in zip(evidence.logs, factors, strict=False)
    )
