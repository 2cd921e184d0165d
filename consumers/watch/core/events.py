"""
Event alerts: one for each grave story of a trusted source, outside of the budget of false alarms.

    new in this minute, trusted, grave, not older than a day   ──► raised, resolved after some hours
      └ more than ``an_hour`` were raised in the last 60 minutes ──► held back, and counted

Rules: a story is told once, however many copies and series it comes in; its alert stands in the
narrowest series, an entity's before a topic's before all. What was told is remembered for two days after
it was last seen. What is held back is never told later: the alert before it says, when it ends, how many
there were, and so does the one after.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

import msgspec

from consumers.watch.core.grave import Found, Graves, found_in
from consumers.watch.core.story import Story
from consumers.watch.core.tiers import Tiers

REMEMBERED: Final = 2880
"""Minutes; copies join a story for a day."""

OLDEST: Final = 1440
"""Minutes between publishing and counting; what is older is no news."""

MOST: Final = 2000
"""Stories remembered."""

_ORDER: Final = ("entity:", "scheme:", "topic:")


class Limits(NamedTuple):
    """At most ``an_hour`` event alerts are raised in 60 minutes; each lives for ``lasting`` minutes."""

    an_hour: int = 6
    lasting: int = 360


class Told(msgspec.Struct, frozen=True, array_like=True):
    """
    A grave story: its series, the minute it was raised in (-1: held back), and when it was last seen.

    ``live`` until its alert ends; ``held_back`` stories have come since, and before the next was raised.
    """

    story: str
    series: str
    minute: int
    seen: int
    event: str
    severity: Literal["warning", "critical"]
    live: bool = False
    held_back: int = 0


class Events(msgspec.Struct, frozen=True, array_like=True):
    """The state: what was told, the oldest first. Nothing is told of minutes before ``since``."""

    since: int
    told: tuple[Told, ...] = ()


class Raised(NamedTuple):
    """An alert to be raised, and how many stories were held back since the one before."""

    told: Told
    story: Story
    found: Found
    held_back: int


class Happened(NamedTuple):
    """The state after a minute, what it raises, and what ends in it."""

    state: Events
    raised: tuple[Raised, ...]
    ended: tuple[Told, ...]


def happened(
    before: Events,
    minute: int,
    stories: Mapping[str, Sequence[Story]],
    lists: tuple[Graves, Tiers],
    limits: Limits,
) -> Happened:
    """Decide a minute; ``stories`` are those that are new in it, by series."""
    graves, tiers = lists
    told = {t.story: t for t in before.told if minute - t.seen <= REMEMBERED}
    ended = tuple(t for t in told.values() if t.live and minute - t.minute >= limits.lasting)
    for t in ended:
        told[t.story] = msgspec.structs.replace(t, live=False)
    raised: list[Raised] = []
    for series in sorted(stories, key=_rank):
        for story in sorted(stories[series], key=lambda s: (s.published, s.story)):
            if story.story in told:
                known = told[story.story]
                told[story.story] = msgspec.structs.replace(known, seen=minute)
                continue
            found = found_in(story, graves) if _fresh(story, minute, before, tiers) else None
            if found is None:
                continue
            last = next((t for t in reversed(told.values()) if t.minute >= 0), None)
            recent = sum(t.minute > minute - 60 for t in told.values() if t.minute >= 0)
            if recent >= limits.an_hour:
                told[story.story] = Told(
                    story.story, series, -1, minute, found.event, found.severity
                )
                if last is not None:
                    told[last.story] = msgspec.structs.replace(last, held_back=last.held_back + 1)
                continue
            new = Told(story.story, series, minute, minute, found.event, found.severity, live=True)
            told[story.story] = new
            raised.append(Raised(new, story, found, last.held_back if last else 0))
    kept = tuple(told.values())[-MOST:]
    return Happened(Events(before.since, kept), tuple(raised), ended)


def _fresh(story: Story, minute: int, before: Events, tiers: Tiers) -> bool:
    return (
        story.minute == minute
        and minute >= before.since
        and story.published >= (minute - OLDEST) * 60_000
        and tiers.trusts(story.source)
    )


def _rank(series: str) -> tuple[int, str]:
    """Return where a series stands among those of one story: the narrowest first."""
    return next((n for n, p in enumerate(_ORDER) if series.startswith(p)), len(_ORDER)), series
