"""A story of a series, as evidence and as what an event is found in."""

import msgspec


class Story(msgspec.Struct, frozen=True):
    """
    A negative story.

    ``published`` in ms since 1970; ``negative`` is the model's P(negative) of its first item in the
    series, and ``minute`` the one in which that item counted there; ``copies`` items of ``sources``
    outlets told it. ``topics`` are the labels that the model gave that item, the surest first, and
    ``words`` those of its words that spoke most for the negative tone; ``language`` is its tag ("": not said).
    """

    story: str
    title: str
    source: str
    url: str
    published: int
    negative: float
    copies: int = 1
    sources: int = 1
    minute: int = 0
    topics: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    language: str = ""
