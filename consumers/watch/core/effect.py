"""
The effect: what was seen since the onset against what was expected, and what an alert is about.

Intervals are of 95 %, under Jeffreys' priors: the ratio's of a gamma variable with shape X + ½, the
share's of a beta variable with k + ½ and n − k + ½. They hold for a fixed span; the onset is chosen by
the data, so that right after an alarm the effect is rather overstated.

*tone* is more negative stories among the same news, *attention* more news of the usual tone. Each side
has a gain, the log likelihood of what was seen against the usual plus half a margin:

    attention   N ln(N / E) − (N − E)        N stories in time, E expected of them
    tone        n · KL(k / n ‖ π)

The larger one names the alert; *both* if the smaller one says as much as e⁴ : 1 by itself.
"""

import math
from typing import Final, Literal, TypeAlias

import msgspec

from consumers.special import beta_quantile, gamma_quantile
from consumers.watch.core.evidence import Null, Span
from consumers.watch.core.parameters import Parameters

Kind: TypeAlias = Literal["tone", "attention", "both"]
ENOUGH: Final = 4.0
_TAIL: Final = 0.025


class Effect(msgspec.Struct, frozen=True):
    """
    What an alert says. ``observed`` negative stories in time against ``expected``, by ``ratio``.

    ``share`` is the negative part of ``stories``, late ones included, against ``usual``; without any
    stories (a plain series of counts) it is None. Intervals are (low, high).
    """

    onset: int
    kind: Kind
    observed: int
    expected: float
    ratio: float
    ratio_interval: tuple[float, float]
    stories: int
    negative: int
    share: float | None
    usual: float
    share_interval: tuple[float, float] | None
    sources: int
    trusted: int


def effect_of(span: Span, null: Null, parameters: Parameters) -> Effect:
    """Return the effect since the onset of ``span``."""
    n, k = span.stories + span.late, span.negative + span.late_negative
    expected = max(span.expected, 1e-9)
    low, high = (gamma_quantile(p, span.negative + 0.5) for p in (_TAIL, 1 - _TAIL))
    return Effect(
        onset=span.onset,
        kind=kind_of(span, null, parameters),
        observed=span.negative,
        expected=span.expected,
        ratio=span.negative / expected,
        ratio_interval=(low / expected, high / expected),
        stories=n,
        negative=k,
        share=k / n if n else None,
        usual=null.usual,
        share_interval=(
            (
                beta_quantile(_TAIL, k + 0.5, n - k + 0.5),
                beta_quantile(1 - _TAIL, k + 0.5, n - k + 0.5),
            )
            if n
            else None
        ),
        sources=len(span.sources),
        trusted=len(span.trusted),
    )


def kind_of(span: Span, null: Null, parameters: Parameters) -> Kind:
    """Say whether there is more negative news, more news, or both."""
    n, k = span.stories + span.late, span.negative + span.late_negative
    if not n:
        return "attention"
    tone = _share_gain(k, n, null.usual * (1 + parameters.delta_share / 2))
    expected = span.expected / null.usual * (1 + parameters.delta_volume / 2)
    attention = _volume_gain(span.stories, expected)
    if min(tone, attention) >= ENOUGH:
        return "both"
    return "tone" if tone >= attention else "attention"


def _volume_gain(seen: float, expected: float) -> float:
    if seen <= expected:
        return 0.0
    return seen * math.log(seen / max(expected, 1e-9)) - (seen - expected)


def _share_gain(k: int, n: int, share: float) -> float:
    if share >= 1 or k <= n * share:
        return 0.0
    gain = k * math.log(k / (n * share))
    return gain + ((n - k) * math.log((n - k) / (n * (1 - share))) if k < n else 0.0)
