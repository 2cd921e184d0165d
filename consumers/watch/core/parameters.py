"""
The numbers that the detector runs on, with their defaults.

Rules: an alert carries the parameters that raised it, so that it can be computed again. A *tick* is the
span that is decided at once: a minute online, whatever ``detect --tick`` says offline. A *period* is
what the baseline learns in: an hour, or one tick where that is longer. Ticks and periods are numbered
from 1970 (UTC).
"""

from typing import Final

import msgspec

WEEK: Final = 10_080
"""Minutes in a week."""

EPOCH_WEEKDAY: Final = 3
"""1 January 1970 was a Thursday; Monday is 0."""


class Parameters(msgspec.Struct, frozen=True):
    """
    Everything that can be set. Times are in minutes unless their name says otherwise.

    ``delta_volume`` and ``delta_share`` are margins: an alarm is about what lies materially above the
    usual, not about what lies above it at all. ``wander`` widens them, per series, to so many standard
    deviations of what that series' own rate and share were seen to wander by from hour to hour, up to
    ``margin_limit``; and to up to ``wander_large`` more, the more stories there are, since a large series
    sees each of its excursions: half of that where ``wander_half`` negative stories an hour are usual.
    ``stories`` and ``sources`` are the gates: how many negative stories, of how many
    sources, an alert needs at least. ``trusted_sources`` make a ratio that surely exceeds
    ``critical_ratio`` critical, and so does evidence of ``critical_factor`` times the threshold. The last
    ``window`` looks usual when it is unusual with a probability below ``calm_below``, and unusual again
    above ``rising_above``. A series without a story for ``forget_days`` is forgotten.
    """

    tick: int = 1
    ratios: tuple[float, ...] = (1.5, 2.0, 3.0, 5.0, 10.0)
    delta_volume: float = 0.3
    delta_share: float = 0.2
    wander: float = 1.25
    wander_large: float = 1.5
    wander_half: float = 4.0
    margin_limit: float = 2.0
    half_life_days: float = 21.0
    season_half_life_days: float = 84.0
    pseudo_weeks: float = 6.0
    pseudo_stories: float = 20.0
    prior_share: float = 0.2
    size_low: float = 0.5
    size_high: float = 50.0
    quantile: float = 1.28
    unlearnt_days: float = 1.0
    learning_days: float = 7.0
    cooling: int = 120
    frozen_at_most: int = 2 * 1440
    bundle_margin: int = 1440
    window: int = 60
    calm_for: int = 30
    calm_below: float = 0.2
    rising_above: float = 0.5
    reopen: int = 120
    stories: int = 3
    sources: int = 2
    trusted_sources: int = 3
    critical_factor: float = 100.0
    critical_ratio: float = 3.0
    forget_days: float = 63.0

    @property
    def period(self) -> int:
        """Minutes in what the baseline learns in."""
        return max(60, self.tick)

    def ticks(self, minutes: float) -> int:
        """Return how many ticks cover ``minutes``, at least one."""
        return max(1, -int(-minutes // self.tick))

    @property
    def unlearnt(self) -> int:
        """Periods before there is a baseline at all: nothing is decided on fewer."""
        return max(7, int(self.unlearnt_days * 1440) // self.period)

    @property
    def learning(self) -> int:
        """Periods until a series has learnt."""
        return max(21, int(self.learning_days * 1440) // self.period)

    @property
    def freezing(self) -> int:
        """Ticks of an elevated series that teach nothing; what lasts longer is the new usual."""
        return max(10, self.ticks(self.frozen_at_most))

    @property
    def fading(self) -> float:
        """What is left of a sum after one period."""
        return float(0.5 ** (self.period / (self.half_life_days * 1440)))

    @property
    def season_fading(self) -> float:
        """What is left of a season's sum after one period."""
        return float(0.5 ** (self.period / (self.season_half_life_days * 1440)))


def cells(period: int) -> int:
    """Return the number of cells of the week: 168 for hours, 7 for days, 1 where none fit."""
    return WEEK // period if WEEK % period == 0 else 1


def cell_of(number: int, period: int) -> int:
    """Return the cell of the week in which period ``number`` lies; Monday's first is 0."""
    return (number * period + EPOCH_WEEKDAY * 1440) // period % cells(period)


def period_of(tick: int, parameters: Parameters) -> int:
    """Return the period in which a tick lies."""
    return tick * parameters.tick // parameters.period
