"""
Series: what counts are kept for, and which of them an opinion touches.

A series is named by a string: ``all`` (everything read), ``topic:<label>``, ``language:<code>`` (texts
in a language that the bundle does not know: counted here and nowhere else; see
``groundswell.languages``), ``entity:<name>`` (whom it names, as far as that entity is followed), and
``scheme:<name>`` (what matches a user's words; see ``groundswell.schemes``). Rule: this is the one place
that decides it, for ``count`` and for ``recount`` alike.
"""

from typing import Final

from groundswell.entities import COMPANIES, folded_name
from groundswell.events import Opinion, Origin
from groundswell.languages import counted_as

LANGUAGE: Final = "language:"
ENTITY: Final = "entity:"
SCHEME: Final = "scheme:"
ENTITIES_KEPT: Final = 16
"""Entities of one opinion that have series, the first named."""


def plain_series(opinion: Opinion) -> tuple[str, ...]:
    """Return the series that ``opinion`` counts in whoever is followed, each once."""
    if not opinion.read:
        return (LANGUAGE + counted_as(opinion.language),)
    return ("all", *dict.fromkeys(f"topic:{topic.label}" for topic in opinion.topics))


def entity_series(opinion: Opinion) -> tuple[str, ...]:
    """Return the series of the companies and organisations that ``opinion`` names, each once."""
    if not opinion.read or not opinion.entities:
        return ()
    names = (folded_name(e.text) for e in opinion.entities if e.type.lower() in COMPANIES)
    return tuple(dict.fromkeys(ENTITY + name for name in names if name))[:ENTITIES_KEPT]


def series_of(opinion: Opinion) -> tuple[str, ...]:
    """Return the series that a story may be new in; those of entities count where they are followed."""
    return (*plain_series(opinion), *entity_series(opinion))


def is_new_in(opinion: Opinion, series: str) -> bool:
    """
    Say whether the opinion's story is new in ``series``; an item without a story is its own.

    In a scheme, of which ``consume`` knows nothing, it is new where it is new in any series. What is
    new in ``all`` was told nowhere in this tone, hence not of this entity either, also where an older
    release wrote it.
    """
    new_in = opinion.new_in
    if new_in is None or series in new_in:
        return True
    if series.startswith(SCHEME):
        return bool(new_in)
    return series.startswith(ENTITY) and "all" in new_in


def story_of(origin: Origin) -> str:
    """
    Name the story that begins with the item at ``origin``.

    A topic that was deleted and made again gives out its offsets anew: its identity is part of the name.
    """
    identity = f"@{origin.topic_id}" if origin.topic_id else ""
    return f"{origin.topic}{identity}/{origin.partition}/{origin.offset}"
