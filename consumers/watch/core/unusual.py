"""
How probably what was seen is unusual, on the sides that an alert is about.

    volume   P(rate > usual rate with its margin)      gamma posterior with one pseudo-story
    share    P(share > usual share with its margin)    beta posterior with the pseudo-stories

Of the two the larger; 0 where nothing negative was seen.
"""

from typing import NamedTuple

from consumers.special import beta_cdf, gamma_cdf
from consumers.watch.core.effect import Kind
from consumers.watch.core.evidence import Null
from consumers.watch.core.parameters import Parameters


class Bounds(NamedTuple):
    """What is still usual: of the rate as a ratio, of the share with its margin and without."""

    about: Kind
    ratio: float
    share: float
    usual: float


def bounds_of(null: Null, about: Kind) -> Bounds:
    """Return the bounds of an alert ``about`` one side or both."""
    return Bounds(about, null.mean / null.expected, null.share, null.usual)


def unusual(
    expected: float,
    volume: int,
    negative: int,
    stories: int,
    bounds: Bounds,
    parameters: Parameters,
) -> float:
    """
    Return the probability; ``volume`` negative stories in time against ``expected``.

    ``negative`` of ``stories``, late ones included.
    """
    if not negative and not volume:
        return 0.0
    sides = [0.0]
    if bounds.about != "tone":
        sides.append(1 - gamma_cdf(bounds.ratio * (1 + expected), 1 + volume))
    if bounds.about != "attention":
        prior = parameters.pseudo_stories
        a = prior * (1 - bounds.usual) + stories - negative
        sides.append(1 - beta_cdf(bounds.share, prior * bounds.usual + negative, a))
    return max(sides)
