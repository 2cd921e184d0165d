"""
Which alerts a subscription asks for, what groups and silences see of an alert, what its evidence says.

Rules: an alert's labels follow from its identity, but for ``severity`` and ``about``; evidence is read
leniently, since every kind of alert has its own: what is not there is not held against it.
"""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from consumers.records.alerts import OPEN, Alert
from consumers.records.notices.values import Filters, Line, Matcher, Silence, Withheld

_SEVERITY: Final = {"warning": 0, "critical": 1}
SHOWN: Final = 5
"""Stories of an alert that a message opens."""
LONGEST: Final = 300
LONGEST_URL: Final = 2000
"""Characters of a title or source, and of an address, that are kept: evidence is crawled."""


class Story(msgspec.Struct, frozen=True):
    """What is read of a story in evidence."""

    title: str = ""
    url: str = ""
    source: str = ""
    published: int = 0
    language: str = ""
    topics: tuple[str, ...] = ()


class Effect(msgspec.Struct, frozen=True):
    """What is read of an effect in evidence."""

    ratio: float | None = None
    observed: int | None = None
    expected: float | None = None
    stories: int | None = None


class Facts(msgspec.Struct, frozen=True):
    """What is read of the evidence of an alert."""

    stories: tuple[Story, ...] = ()
    effect: Effect | None = None
    members: tuple[str, ...] = ()


def facts_of(alert: Alert) -> Facts:
    """Return what the evidence says; nothing where it says it otherwise."""
    try:
        return msgspec.json.decode(alert.evidence, type=Facts)
    except msgspec.DecodeError:
        return Facts()


def lines_of(facts: Facts) -> tuple[Line, ...]:
    """Return the stories that a message opens, each once."""
    distinct = {s.url or s.title: s for s in reversed(facts.stories)}
    return opening(
        Line(
            s.title[:LONGEST],
            s.url if len(s.url) <= LONGEST_URL else "",
            s.source[:LONGEST],
            s.published,
        )
        for s in reversed(distinct.values())
    )[:SHOWN]


def opening(lines: Iterable[Line]) -> tuple[Line, ...]:
    """Return stories in their order, those that have an address before those that have none."""
    return tuple(sorted(lines, key=lambda line: not line.url))


def labels_of(alert: Alert) -> dict[str, str]:
    """Return the labels of an alert."""
    kind, _, name = alert.series.partition(":")
    return {
        "alert": alert.id,
        "kind": alert.kind,
        "series": alert.series,
        "class": kind,
        "topic": name,
        "severity": alert.severity,
        "about": alert.about,
    }


def group_of(alert: Alert, by: Iterable[str]) -> str:
    """Return the key of the group of an alert: JSON of its labels, in the order of their names."""
    labels = labels_of(alert)
    chosen: dict[str, Any] = {name: labels[name] for name in sorted(set(by))}
    return msgspec.json.encode(chosen).decode()


def is_open(alert: Alert) -> bool:
    """Say whether the alert goes on."""
    return alert.state in OPEN


def asked_for(filters: Filters, alert: Alert, facts: Facts) -> bool:
    """Say whether an alert is of the kind and of a series that the filters ask for."""
    if filters.kinds and alert.kind not in filters.kinds:
        return False
    named = {
        *(f"topic:{name}" for name in filters.topics),
        *(f"entity:{name}" for name in filters.entities),
        *(f"scheme:{name}" for name in filters.schemes),
    }
    return not named or not named.isdisjoint({alert.series, *facts.members})


def not_enough(filters: Filters, alert: Alert, facts: Facts) -> Withheld | None:
    """Say what an alert that is asked for lacks so far."""
    if not at_least(alert.severity, filters.severity):
        return "below_severity"
    if filters.stories and alert.kind == "surge":  # an event is one story
        told = facts.effect.stories if facts.effect else None
        if (len(facts.stories) if told is None else told) < filters.stories:
            return "too_few_stories"
    tags = {story.language for story in facts.stories if story.language}
    if filters.languages and tags and not any(_speaks(tags, one) for one in filters.languages):
        return "other_language"
    sources = {story.source for story in facts.stories if story.source}
    if filters.sources and sources and sources.isdisjoint(filters.sources):
        return "other_source"
    return None


def _speaks(tags: Iterable[str], language: str) -> bool:
    """Say whether a tag is of the language: zh is asked for, and zh-Hant-HK is of it; case does not count."""
    asked = language.casefold()
    return any(f"{tag.casefold()}-".startswith(f"{asked}-") for tag in tags)


def at_least(severity: str, than: str) -> bool:
    """Say whether a severity reaches another."""
    return _SEVERITY[severity] >= _SEVERITY[than]


def silenced_by(alert: Alert, silences: Iterable[Silence], now: int) -> int | None:
    """Return until when silences keep an alert silent (ms), None where none does."""
    ends = [s.end for s in silences if s.start <= now < s.end and matches(s, alert)]
    mark = alert.silenced
    if mark is not None and (mark.until is None or mark.until > now):
        ends.append(mark.until if mark.until is not None else 1 << 60)
    return max(ends, default=None)


def matches(silence: Silence, alert: Alert) -> bool:
    """Say whether every matcher of a silence matches; one without matchers silences nothing."""
    labels = labels_of(alert)
    return bool(silence.matchers) and all(_fits(m, labels[m.label]) for m in silence.matchers)


def _fits(matcher: Matcher, value: str) -> bool:
    return (value in matcher.values) == (matcher.op == "=")
