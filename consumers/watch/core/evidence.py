"""
The evidence: a mixture Shiryaev–Roberts e-detector on two sides of one series.

Per decided tick each component multiplies what it holds, plus one, by its factor:

    S ← E · (S + 1)        M = mean of all S        alarm when M ≥ A

A factor is a likelihood ratio whose expectation, given the past, is at most 1 as long as nothing is
wrong, so that M_t − t is a supermartingale: an alarm at M ≥ A comes at most every A ticks on average,
for every stopping rule (Shin, Ramdas and Rinaldo, New England J. Stat. Data Sci. 2024,
doi 10.51387/23-NEJSDS51). Reset only begins the count anew, and so does a late reset.

*Volume.* X negative stories in a tick, at most negative binomial with mean μ and size r:

    E = ρ^X · ((r + μ) / (r + ρμ))^(X + r)

which is c·a^X with a > 1: increasing and convex in X, so that its expectation is at most 1 for every
count that is no larger and no more dispersed in the increasing convex order (Poisson, binomial, thinned).

*Share.* k of n stories negative, each with probability at most π given the past. The factor of a tick is
the product of n Bernoulli likelihood ratios with odds multiplied by ρ:

    E = ρ^k / (1 + π(ρ − 1))^n

Counts, never a mean of scores: evidence from a mean is none. A tick without stories says nothing of the
share, and leaves S as it is (adding less keeps the bound). What came late enters the share only.

All is kept in logarithms; the mean is taken by log-sum-exp.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

NOTHING: Final = -math.inf
_LARGE: Final = 30.0
"""From e³⁰ on, ln(S + 1) is ln S + 1 / S to the last bit."""

SOURCES_KEPT: Final = 4
"""Sources are remembered up to this many: the gates ask for fewer."""


class Seen(NamedTuple):
    """
    One decided tick of one series: stories that were new in it.

    ``negative`` of ``stories`` came in time, ``late_negative`` of ``late`` too late. ``sources`` are
    hashes of sources that spoke in this tick, ``trusted`` those among them of the trusted tier, and
    ``bundles`` hashes of the models that labelled it.
    """

    negative: int
    stories: int
    late_negative: int = 0
    late: int = 0
    sources: tuple[int, ...] = ()
    trusted: tuple[int, ...] = ()
    bundles: tuple[int, ...] = ()


class Null(NamedTuple):
    """
    What is usual, with the margins in it: mean μ and size r of a tick's negative stories, and π.

    ``expected`` is the mean and ``usual`` the share without the margins.
    """

    mean: float
    size: float
    share: float
    expected: float
    usual: float


class Span(msgspec.Struct, frozen=True, array_like=True):
    """What was seen since ``onset`` (a tick), and how many negative stories were expected since."""

    onset: int
    expected: float = 0.0
    negative: int = 0
    stories: int = 0
    late_negative: int = 0
    late: int = 0
    sources: tuple[int, ...] = ()
    trusted: tuple[int, ...] = ()


class Evidence(msgspec.Struct, frozen=True, array_like=True):
    """
    The state: per component ln S, ln C of its CUSUM twin, and which of ``spans`` it stands in.

    Components are the volume's, then the share's, each in the order of the ratios. The twin
    C ← E · max(C, 1) says when the heaviest component last began: the onset.
    """

    logs: tuple[float, ...]
    twins: tuple[float, ...]
    places: tuple[int, ...]
    spans: tuple[Span, ...]


def empty(components: int, tick: int) -> Evidence:
    """Return the state without evidence, at ``tick``."""
    return Evidence((NOTHING,) * components, (0.0,) * components, (0,) * components, (Span(tick),))


def volume_factors(x: float, mean: float, size: float, ratios: Sequence[float]) -> list[float]:
    """Return ln E of the volume for each ratio: ``x`` seen, against mean and size of a tick."""
    out = []
    for ratio in ratios:
        cost = math.log((size + mean) / (size + ratio * mean))
        out.append(x * (math.log(ratio) + cost) + size * cost)
    return out


def share_factors(k: int, n: int, share: float, ratios: Sequence[float]) -> list[float]:
    """Return ln E of the share for each ratio: ``k`` of ``n`` negative, against ``share``."""
    return [k * math.log(ratio) - n * math.log1p(share * (ratio - 1)) for ratio in ratios]


def step(before: Evidence, tick: int, seen: Seen, null: Null, ratios: Sequence[float]) -> Evidence:
    """Take one decided tick in."""
    n = seen.stories + seen.late
    factors = volume_factors(seen.negative, null.mean, null.size, ratios)
    if n:
        factors += share_factors(seen.negative + seen.late_negative, n, null.share, ratios)
    logs = [factor + _plus_one(held) for factor, held in zip(factors, before.logs, strict=False)]
    twins = [
        factor + (held if held > 0 else 0.0)
        for factor, held in zip(factors, before.twins, strict=False)
    ]
    old = [
        place if held > 0 else -1 for place, held in zip(before.places, before.twins, strict=True)
    ]
    return Evidence(
        (*logs, *before.logs[len(logs) :]),
        tuple([twin if twin > 0 else 0.0 for twin in (*twins, *before.twins[len(twins) :])]),
        *_spans(before.spans, old, tick, seen, null.expected),
    )


def repeated(log: float, factor: float, times: int) -> float:
    """Return ln S after ``times`` ticks with the same ``factor``; it ends early where it stands."""
    for _ in range(times):
        after = factor + _plus_one(log)
        if after == log:
            break
        log = after
    return log


def _plus_one(log: float) -> float:
    return math.log1p(math.exp(log)) if log < _LARGE else log + math.exp(-log)


def _spans(
    spans: tuple[Span, ...], old: Sequence[int], tick: int, seen: Seen, expected: float
) -> tuple[tuple[int, ...], tuple[Span, ...]]:
    """Carry on the spans that are still stood in (-1: a new one); return places and spans."""
    used = sorted(set(old))
    moved = tuple(
        [_moved(Span(tick) if place < 0 else spans[place], seen, expected) for place in used]
    )
    where = {place: number for number, place in enumerate(used)}
    return tuple([where[place] for place in old]), moved


def _moved(span: Span, seen: Seen, expected: float) -> Span:
    return Span(
        span.onset,
        span.expected + expected,
        span.negative + seen.negative,
        span.stories + seen.stories,
        span.late_negative + seen.late_negative,
        span.late + seen.late,
        _kept(span.sources, seen.sources),
        _kept(span.trusted, seen.trusted),
    )


def _kept(held: tuple[int, ...], new: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted({*held, *new})[:SOURCES_KEPT]) if new else held


def log_sum(logs: Iterable[float]) -> float:
    """Return ln Σ exp(log)."""
    values = list(logs)
    top = max(values)
    if top == NOTHING:
        return NOTHING
    return top + math.log(sum([math.exp(value - top) for value in values]))


def log_evidence(evidence: Evidence) -> float:
    """Return ln M, the mean of all components."""
    return log_sum(evidence.logs) - math.log(len(evidence.logs))


def heaviest(evidence: Evidence) -> tuple[int, Span]:
    """Return the component with the most evidence, and the span since its onset."""
    component = max(range(len(evidence.logs)), key=evidence.logs.__getitem__)
    return component, evidence.spans[evidence.places[component]]
