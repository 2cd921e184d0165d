"""
One series, one decided tick: the state and the baseline in, the same and what is to be told out.

    period over?   the baseline learns from it, unless it was elevated
    new bundle?    the baseline is scaled by what both said of the same items; margins doubled for a day
    null           what is usual in this tick, with margins; None in the first day of a series
    evidence       one step
    signal         M against the thresholds, the gates, the last hour
    states         at most one move; evidence starts anew when an alert is resolved

Rules: ticks are decided in order, each once, and a step is a function of its arguments alone, so that
what is decided again gives the same bytes. A tick without data (``seen`` is None: a stopped feed) moves
neither evidence nor baseline nor the last hour. Series share a pool: the caller gives ``common`` from
the pool as it stood before the tick, and adds the shares of all series after it.
"""

import math
from typing import NamedTuple

import msgspec

from consumers.watch.core import baseline as baselines
from consumers.watch.core import evidence as evidences
from consumers.watch.core import states
from consumers.watch.core.baseline import Baseline, Open, Shadow
from consumers.watch.core.budget import log_pending
from consumers.watch.core.effect import Effect, Kind, effect_of
from consumers.watch.core.evidence import Evidence, Null, Seen, Span
from consumers.watch.core.parameters import Parameters, period_of
from consumers.watch.core.season import Common, Share
from consumers.watch.core.states import ELEVATED, LIVE, Machine, Signal, Transition
from consumers.watch.core.unusual import bounds_of, unusual
from groundswell.errors import Bug

BUNDLES_KEPT = 4
_NEVER = -(2**40)


class Recent(msgspec.Struct, frozen=True, array_like=True):
    """A tick of the last hour of an elevated series: what was expected, and what was seen."""

    tick: int
    expected: float
    volume: int
    negative: int
    stories: int


class Series(msgspec.Struct, frozen=True, array_like=True):
    """
    The state that changes with every tick.

    ``tick`` is the last one decided. ``recent`` is filled while it is elevated. ``bundles`` have spoken
    last, a new one first at ``bundle_at``. Nothing is learnt while it is elevated and until
    ``cooling_until``, as long as ``heat`` (two a tick of that, minus one a tick without) stays in bounds:
    what goes on for days, even if it rests at night, is the new usual. ``last`` is the last tick with a
    story.
    """

    tick: int
    evidence: Evidence
    machine: Machine
    open: Open
    recent: tuple[Recent, ...] = ()
    bundles: tuple[int, ...] = ()
    bundle_at: int = _NEVER
    cooling_until: int = _NEVER
    heat: int = 0
    last: int = _NEVER


class Context(NamedTuple):
    """What a series is decided with; ``shadow`` is there where a new bundle was compared."""

    parameters: Parameters
    log_threshold: float
    common: Common
    shadow: Shadow | None = None


class Decision(NamedTuple):
    """
    The result of a tick. ``null`` is None while nothing can be said of the series.

    ``effect`` is there while the series is elevated; ``taught`` is what the pool learns; ``heard`` says
    that the evidence rests on a negative story, not on silence alone.
    """

    series: Series
    baseline: Baseline
    log_evidence: float
    null: Null | None
    effect: Effect | None
    transitions: list[Transition]
    taught: Share | None
    heard: bool = False


def begin(tick: int, parameters: Parameters) -> Series:
    """Return the state of a series whose first decided tick is ``tick``."""
    return Series(
        tick - 1,
        evidences.empty(2 * len(parameters.ratios), tick),
        Machine("learning", tick),
        Open(period_of(tick, parameters)),
    )


def decide(
    before: Series, baseline: Baseline, tick: int, seen: Seen | None, context: Context
) -> Decision:
    """Decide a tick. Raises ``Bug`` for one that was decided already."""
    if tick <= before.tick:
        raise Bug(f"tick {tick} comes after {before.tick}, which is decided")
    parameters = context.parameters
    period = period_of(tick, parameters)
    held, taught = before.open, None
    if period != held.period:
        baseline, taught = baselines.closed(baseline, held, context.common, parameters)
        held = Open(period)
    series, baseline = _bundles(before, baseline, tick, seen, context)
    doubled = tick - series.bundle_at < parameters.ticks(parameters.bundle_margin)
    null = baselines.null_of(baseline, period, context.common, parameters, doubled=doubled)
    evidence = series.evidence
    if seen is not None and null is not None:
        evidence = evidences.step(evidence, tick, seen, null, parameters.ratios)
    log_evidence = evidences.log_evidence(evidence)
    recent = _recent(series, tick, seen, null, parameters)
    span = evidences.heaviest(evidence)[1]
    effect = _effect(span, null, log_evidence, series.machine, context)
    signal = _signal(span, log_evidence, effect, baseline, context)
    if null is not None and series.machine.status in LIVE and series.machine.episode is not None:
        about = series.machine.episode.about
        signal = signal._replace(unusual=_unusual(recent, null, about, parameters))
    machine = states.move(series.machine, tick, signal, parameters)
    if machine.status == "resolved" and series.machine.status != "resolved":
        evidence = evidences.empty(len(evidence.logs), tick + 1)
    cooling_until = series.cooling_until
    if series.machine.status in ELEVATED and machine.status not in ELEVATED:
        cooling_until = tick + parameters.ticks(parameters.cooling)
    hot = machine.status in ELEVATED or tick < cooling_until
    heat = series.heat + 2 if hot else max(0, series.heat - 1)
    frozen = hot and heat <= 2 * parameters.freezing
    if seen is not None:
        held = baselines.taken(held, seen, null.expected if null else 0.0, frozen=frozen)
    after = Series(
        tick,
        evidence,
        machine,
        held,
        recent if machine.status in ELEVATED else (),
        series.bundles,
        series.bundle_at,
        cooling_until,
        min(heat, 3 * parameters.freezing),
        tick if seen is not None and seen.stories + seen.late else series.last,
    )
    told = states.transitions(series.machine, machine, tick, signal)
    heard = span.negative + span.late_negative > 0
    return Decision(after, baseline, log_evidence, null, effect, told, taught, heard)


def _bundles(
    series: Series, baseline: Baseline, tick: int, seen: Seen | None, context: Context
) -> tuple[Series, Baseline]:
    """Notice a bundle that has not spoken before."""
    new = [b for b in seen.bundles if b not in series.bundles] if seen else []
    if not new:
        return series, baseline
    first = not series.bundles
    series = msgspec.structs.replace(
        series,
        bundles=(*new, *series.bundles)[:BUNDLES_KEPT],
        bundle_at=series.bundle_at if first else tick,
    )
    if first or context.shadow is None:
        return series, baseline
    return series, baselines.rescaled(baseline, context.shadow, context.parameters)


def _recent(
    series: Series, tick: int, seen: Seen | None, null: Null | None, parameters: Parameters
) -> tuple[Recent, ...]:
    if series.machine.status not in ELEVATED or seen is None or null is None:
        return series.recent
    negative, stories = seen.negative + seen.late_negative, seen.stories + seen.late
    first = tick - parameters.ticks(parameters.window)
    kept = tuple([entry for entry in series.recent if entry.tick > first])
    return (*kept, Recent(tick, null.expected, seen.negative, negative, stories))


def _effect(
    span: Span, null: Null | None, log_evidence: float, machine: Machine, context: Context
) -> Effect | None:
    """Return the effect where somebody will look at it: it costs more than all the rest."""
    unusual = log_evidence >= context.log_threshold
    if null is None or not (unusual or machine.status in LIVE):
        return None
    return effect_of(span, null, context.parameters)


def _signal(
    span: Span, log_evidence: float, effect: Effect | None, baseline: Baseline, context: Context
) -> Signal:
    parameters, log_a = context.parameters, context.log_threshold
    pending = log_pending(log_a, parameters.tick)
    # Where hardly anything is expected S + 1 grows in silence, up to 1 / (ρ - 1)μ: no surge.
    heard = span.negative + span.late_negative > 0
    critical = log_evidence >= log_a + math.log(parameters.critical_factor) or (
        effect is not None
        and effect.ratio_interval[0] >= parameters.critical_ratio
        and effect.trusted >= parameters.trusted_sources
    )
    return Signal(
        log_evidence=log_evidence,
        fire=heard and log_evidence >= log_a,
        pending=heard and log_evidence >= pending,
        low=log_evidence < pending - math.log(3),
        unusual=1.0,
        learnt=baseline.periods >= parameters.learning,
        critical=critical,
        gate=_gate(span, parameters),
        onset=span.onset,
        about=effect.kind if effect else "attention",
        ratio=effect.ratio if effect else 0.0,
    )


def _gate(span: Span, parameters: Parameters) -> str:
    """Return what an alert still lacks, or nothing."""
    negative = span.negative + span.late_negative
    if negative < parameters.stories:
        return f"{negative} negative stories since the onset, {parameters.stories} are needed"
    if len(span.sources) < parameters.sources:
        return f"{len(span.sources)} sources since the onset, {parameters.sources} are needed"
    return ""


def _unusual(recent: tuple[Recent, ...], null: Null, about: Kind, parameters: Parameters) -> float:
    """Return how probably the last hour is unusual still; 1 while less than half of it is known."""
    if 2 * len(recent) < parameters.ticks(parameters.window):
        return 1.0
    return unusual(
        sum([entry.expected for entry in recent]),
        sum([entry.volume for entry in recent]),
        sum([entry.negative for entry in recent]),
        sum([entry.stories for entry in recent]),
        bounds_of(null, about),
        parameters,
    )
