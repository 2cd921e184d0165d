"""
Series: what counts are kept for, and which of them an opinion touches.

A series is named by a string: ``all`` (everything read), ``topic:<label>``, ``language:<tag>`` (texts
in a language that the bundle does not know: counted here and nowhere else), and later ``entity:`` and
``scheme:``. Rule: this is the one place that decides it, for ``count`` and for ``recount`` alike.
"""

from groundswell.events import Opinion, Origin


def series_of(opinion: Opinion) -> tuple[str, ...]:
    """Return the series that ``opinion`` counts in, each once."""
    if not opinion.read:
        return (f"language:{opinion.language or 'unknown'}",)
    return ("all", *dict.fromkeys(f"topic:{topic.label}" for topic in opinion.topics))


def is_new_in(opinion: Opinion, series: str) -> bool:
    """Say whether the opinion's story is new in ``series``; an item without a story is its own."""
    return opinion.new_in is None or series in opinion.new_in


def story_of(origin: Origin) -> str:
    """
    Name the story that begins with the item at ``origin``.

    A topic that was deleted and made again gives out its offsets anew: its identity is part of the name.
    """
    identity = f"@{origin.topic_id}" if origin.topic_id else ""
    return f"{origin.topic}{identity}/{origin.partition}/{origin.offset}"
