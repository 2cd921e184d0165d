"""
Detectability: how long a surge of a given size takes to be found, before there is one.

The log evidence of a component grows by its mean log factor under the surge; the mixture follows its
fastest component, ln(components) behind it. So

    ticks ≈ (ln A + ln components) / max_j E[ln E_j]

and what grows too slowly is not found in a day: by this method, or by any other at that budget (the
growth is the information in the data: λ(1+δ)(r ln r − (r−1)) for the best ρ, r = ratio / (1+δ)). Then an
event alert, a wider series or a larger budget has to do it.
"""

import math
from collections.abc import Sequence
from typing import Final

import msgspec

from consumers.watch.core.evidence import Null, share_factors, volume_factors
from consumers.watch.core.parameters import Parameters

_GROWTH: Final = 1e-9
"""Below this a tick there is no growth, but rounding."""

RATIOS: Final = (2.0, 3.0, 5.0, 10.0)


class Found(msgspec.Struct, frozen=True):
    """Minutes until a surge of ``ratio`` is found, by volume and by share; None: never."""

    ratio: float
    volume: float | None
    share: float | None

    @property
    def minutes(self) -> float | None:
        """Minutes until the faster of both."""
        return min((m for m in (self.volume, self.share) if m is not None), default=None)


def card(
    null: Null, log_threshold: float, parameters: Parameters, ratios: Sequence[float] = RATIOS
) -> tuple[Found, ...]:
    """Return, per ratio, how long a surge takes that begins in ticks like this one."""
    return tuple(_found(ratio, null, log_threshold, parameters) for ratio in ratios)


def _found(ratio: float, null: Null, log_threshold: float, parameters: Parameters) -> Found:
    needed = log_threshold + math.log(2 * len(parameters.ratios))
    volume = max(volume_factors(null.expected * ratio, null.mean, null.size, parameters.ratios))
    odds = ratio * null.usual / (1 - null.usual) if null.usual < 1 else math.inf
    share = odds / (1 + odds) if odds < math.inf else 1.0
    stories = null.expected / null.usual if null.usual else 0.0
    gains = [
        stories * (share * negative + (1 - share) * other)
        for negative, other in zip(
            share_factors(1, 1, null.share, parameters.ratios),
            share_factors(0, 1, null.share, parameters.ratios),
            strict=True,
        )
    ]
    return Found(
        ratio,
        _minutes(needed, volume, parameters),
        _minutes(needed, max(gains), parameters),
    )


def _minutes(needed: float, growth: float, parameters: Parameters) -> float | None:
    return needed / growth * parameters.tick if growth > _GROWTH else None
