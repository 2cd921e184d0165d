"""
What a shelf keeps: enough to show what a minute of hours ago was about, however many came since.

An alert shows the surest stories from its onset to a minute, and `watch` may decide that minute late. So
beside its newest lines a shelf keeps the surest of each minute, fewer of a minute the older it is.

Laws: what is kept is a function of all lines that ever stood there, however they came (keeping again what
was kept, with more, is as keeping everything), so it does not depend on how the log was cut into batches;
what was let go never comes back. It is never more than ``most``. A store may hold more for a while
(``allowed``): readers keep again.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from consumers.counts.core.lines import Entry


class Keeping(NamedTuple):
    """
    How much of a shelf is kept: its ``newest`` lines, and the surest of each minute by its age.

    ``ages`` are pairs, ascending: of a minute that lies less than so many minutes before the newest of the
    shelf, so many lines. Ages count from the shelf's own newest minute, no clock.
    """

    newest: int
    ages: tuple[tuple[int, int], ...]

    def of_a_minute(self, age: int) -> int:
        """Return how many lines of a minute are kept, ``age`` minutes before the newest."""
        return next((lines for end, lines in self.ages if age < end), 0)

    @property
    def most(self) -> int:
        """Lines that are kept at most."""
        ends = (0, *(end for end, _ in self.ages))
        spans = zip(ends, self.ages, strict=False)
        return self.newest + sum((end - began) * lines for began, (end, lines) in spans)

    @property
    def allowed(self) -> int:
        """Lines that a store may hold before it lets go of those that are not kept."""
        return self.most + self.most // 4


STORIES: Final = Keeping(newest=50, ages=((4, 50), (60, 5), (480, 1)))
"""
Of stories new in the series. Four minutes: `watch` decides a minute when the next two and a bit have
passed. Five lines: as many as an alert shows, so that for an hour they are the very ones.
"""
COPIES: Final = Keeping(newest=50, ages=((60, 2),))


def keeping(*, new: bool) -> Keeping:
    """Return how much is kept of the stories new in a series, or of the copies."""
    return STORIES if new else COPIES


def kept(entries: Iterable[Entry], rule: Keeping) -> tuple[Entry, ...]:
    """Return what is kept of ``entries``, each once: by minute, and within a minute the surest last."""
    ordered = sorted(set(entries), reverse=True)
    if len(ordered) <= rule.newest:
        return tuple(reversed(ordered))
    newest, minute, rank = ordered[0][0], ordered[0][0], 0
    found = []
    for place, entry in enumerate(ordered):
        rank = rank + 1 if entry[0] == minute else 1
        minute = entry[0]
        if place < rule.newest or rank <= rule.of_a_minute(newest - minute):
            found.append(entry)
    return tuple(reversed(found))
