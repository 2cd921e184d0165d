"""
What is seen of the voice in service, and the watch window after a promotion.

Rules: of the bundle that serves the last items are kept, so that "before" is recent; a window compares
with the last bundle that was found good; time is an argument.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final

from consumers.news.core.judging import Judgement, Limits, Tally, judge
from consumers.news.pipeline import Labelled, Settled, Work
from groundswell.settings import Settings

KEPT: Final = 5_000
"""Items that "before" is made of at most: the last ones."""


def limits_of(settings: Settings) -> Limits:
    """Return what the settings ask for."""
    return Limits(
        seconds=settings.swap_watch_seconds,
        items=settings.swap_watch_items,
        slower=settings.swap_slower,
        mix=settings.swap_mix,
    )


def tally_of(works: Sequence[Work], settled: Settled, seconds: float) -> Tally:
    """Count a batch."""
    tones = [
        outcome.opinion.sentiment.label
        for outcome in settled.outcomes
        if isinstance(outcome, Labelled)
    ]
    reasons = [
        outcome.refused.reason
        for outcome in settled.outcomes
        if not isinstance(outcome, Labelled) and outcome.refused is not None
    ]
    broken = reasons.count("model_failed")
    return Tally(
        items=len(works),
        refused=len(reasons) - broken,
        failed=broken,
        tokens=max((len(work.row) for work in works), default=0) * len(works),
        seconds=seconds,
        negative=tones.count("negative"),
        neutral=tones.count("neutral"),
        positive=tones.count("positive"),
    )


class Window:
    """The tallies of the bundle in service, and of the one before while a new one is watched."""

    def __init__(self, bundle: str, limits: Limits) -> None:
        self._limits = limits
        self._bundle = bundle
        self._recent: deque[Tally] = deque()
        self._items = 0
        self._before = Tally()
        self._began: float | None = None

    @property
    def open(self) -> bool:
        """Whether a new bundle is watched."""
        return self._began is not None

    def heard(self, bundle: str, tally: Tally) -> None:
        """Count a batch that ``bundle`` labelled; one that is still on its way from another is left out."""
        if bundle != self._bundle:
            return
        self._recent.append(tally)
        self._items += tally.items
        while not self.open and self._items - self._recent[0].items >= KEPT:
            self._items -= self._recent.popleft().items

    def promoted(self, bundle: str, now: float) -> None:
        """Begin to watch a new bundle, if bundles are watched at all."""
        if not self.open:
            self._before = self._seen()
        self._start(bundle)
        if self._limits.seconds > 0:
            self._began = now

    def returned(self, bundle: str) -> None:
        """Go on with a bundle that is known to be good: nothing is watched."""
        self._start(bundle)

    def judge(self, now: float) -> Judgement:
        """Say whether the bundle that is watched may stay."""
        began = now if self._began is None else self._began
        return judge(self._before, self._seen(), now - began, self._limits)

    def close(self) -> None:
        """Watch no longer: what was seen since is what the next one is compared with."""
        self._began = None

    def _start(self, bundle: str) -> None:
        self._bundle, self._items, self._began = bundle, 0, None
        self._recent.clear()

    def _seen(self) -> Tally:
        seen = Tally()
        for tally in self._recent:
            seen = seen.plus(tally)
        return seen
