"""
Whether a subscription or a silence can be meant: every fault at once, in sentences.

Rule: what passes here never makes the planner fail: it decides for all subscriptions in one go.
"""

from collections.abc import Collection, Iterator
from typing import Final
from zoneinfo import ZoneInfo

from consumers.notify.core.schedule import clock_time
from consumers.records.notices.values import Silence, Subscription, Window

LONGEST_SILENCE_MS: Final = 30 * 86_400_000
_MOST_WORDS: Final = 200
_LONGEST: Final = 200
_LONGEST_SECONDS: Final = 7 * 86_400


def faults(one: Subscription, markets: Collection[str]) -> tuple[str, ...]:
    """Return what is wrong with a subscription; ``markets`` are the codes of exchanges that are known."""
    return tuple(_faults(one, markets))


def _faults(one: Subscription, markets: Collection[str]) -> Iterator[str]:
    for name, text in (("owner", one.owner), ("name", one.name)):
        if not text.strip() or len(text) > _LONGEST:
            yield f"{name}: 1 to {_LONGEST} characters"
    if not one.channels:
        yield "channels: at least one"
    filters = one.filters
    for name in ("topics", "entities", "schemes", "languages", "sources"):
        words = getattr(filters, name)
        if len(words) > _MOST_WORDS or any(not w.strip() or len(w) > _LONGEST for w in words):
            yield f"filters.{name}: at most {_MOST_WORDS}, each of 1 to {_LONGEST} characters"
    for path, number in (
        ("filters.stories", filters.stories),
        ("cap", one.cap),
        ("flood", one.flood),
    ):
        if number < 0:
            yield f"{path}: not below 0"
    yield from _times(one, markets)
    grouping = one.grouping
    for name in ("group_wait", "group_wait_critical", "group_interval", "repeat_interval"):
        least = 60 if name == "repeat_interval" else 0
        if not least <= getattr(grouping, name) <= _LONGEST_SECONDS:
            yield f"grouping.{name}: {least} to {_LONGEST_SECONDS} seconds"


def _times(one: Subscription, markets: Collection[str]) -> Iterator[str]:
    schedule = one.schedule
    if not _zone(schedule.zone):
        yield f"schedule.zone: {schedule.zone!r} is no IANA zone, as in Europe/Berlin"
    if schedule.market and schedule.market not in markets:
        yield f"schedule.market: {schedule.market!r} is not known; known are {', '.join(markets)}"
    for name, windows in (("quiet", schedule.quiet), ("active", schedule.active)):
        for window in windows:
            wrong = _window(window)
            if wrong:
                yield f"schedule.{name}: {wrong}"
    if one.digest is not None:
        try:
            clock_time(one.digest.at)
        except ValueError as error:
            yield f"digest.at: {error}"


def _zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # a folder, a bad name, no such zone
        return False
    return bool(name)


def _window(window: Window) -> str | None:
    try:
        clock_time(window.start)
        clock_time(window.end)
    except ValueError as error:
        return str(error)
    return None


def silence_faults(one: Silence) -> tuple[str, ...]:
    """Return what is wrong with a silence."""
    found = []
    if not one.matchers or any(not matcher.values for matcher in one.matchers):
        found.append("matchers: at least one, each with a value: it would silence everything")
    if not 0 < one.end - one.start <= LONGEST_SILENCE_MS:
        found.append("end: after the start, and at most 30 days after it")
    if not one.author.strip():
        found.append("author: who silences")
    return tuple(found)
