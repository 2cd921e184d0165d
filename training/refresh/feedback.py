"""Feedback as votes: read from the records' append-only table through a small port."""

from typing import Protocol

from training.refresh.core.votes import Vote

_PAGE = 1000


class Word(Protocol):
    """A word of feedback as the records hold it."""

    @property
    def about(self) -> str: ...  # noqa: D102
    @property
    def target(self) -> str: ...  # noqa: D102
    @property
    def field(self) -> str: ...  # noqa: D102
    @property
    def label(self) -> str: ...  # noqa: D102
    @property
    def actor(self) -> str: ...  # noqa: D102
    @property
    def bundle(self) -> str: ...  # noqa: D102
    @property
    def at(self) -> int: ...  # noqa: D102


class Book(Protocol):
    """The table."""

    async def feedback(self, limit: int = ..., after: int = ...) -> "tuple[tuple[int, Word], ...]":
        """Return lines with their numbers, the oldest first."""
        ...


async def read_all(book: Book) -> tuple[Word, ...]:
    """Return every word of feedback, the oldest first."""
    found: list[Word] = []
    after = 0
    while page := await book.feedback(_PAGE, after):
        found += [word for _, word in page]
        after = page[-1][0]
    return tuple(found)


def votes_of(words: tuple[Word, ...]) -> tuple[Vote, ...]:
    """Return what was said of items."""
    return tuple(
        Vote(word.target, word.field, word.label, word.actor, word.at, word.bundle)
        for word in words
        if word.about == "item"
    )


def disputed(words: tuple[Word, ...]) -> frozenset[str]:
    """Return the alerts whose last word, of somebody, is that they are wrong."""
    last = {(word.target, word.actor): word.label for word in words if word.about == "alert"}
    return frozenset(alert for (alert, _), label in last.items() if label == "wrong")
