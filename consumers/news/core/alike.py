"""
Whether two items tell one story: the same text, or a variant of it.

In this order, with a reason for each outcome:

    same       every word of the titles, in the same order
    body       one body holds most of the other, its numbers and names too: edits, other lengths
    title      the titles share most words, and no difference between them means something else
    conflict   they share as much, but a number, a name, a direction or a negation differs
    other      neither

A difference means something else (a conflict) when both titles hold, of what the other lacks, a number
each; a name each; opposite directions; or when one alone negates; or when what they share of these
stands in another order (*A buys B*, *B buys A*). One title that merely says more is no conflict.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

from consumers.news.core.minhash import containment, resemblance
from consumers.news.core.sketch import FACTS as LISTED
from consumers.news.core.sketch import Sketch, unpacked
from consumers.news.core.words import Kind

Why: TypeAlias = Literal["same", "body", "title", "conflict", "other"]

TITLE: Final = 0.6
"""Share of words (of both titles together) from which two titles are one: see docs/stories.md."""
REPLACED: Final = 0.15
"""How much more they must share where each holds a word that the other lacks: *dividend*, *outlook*."""
BODY: Final = 0.6
"""Share of the shorter body that the longer one must hold."""
SURE_BODY: Final = 0.85
"""From here on the titles may say what they want: another headline over the same text."""
LONG_BODY: Final = 40
"""Shingles from which a body is no standing line below every item of a column."""
SOME_TITLE: Final = 0.35
"""Share of words that titles above the same short body must have in common."""
FACTS: Final = 0.5
"""Share of the numbers and names in a body: a template filled anew shares its words, not these."""
STRANGE_BODY: Final = 0.15
"""Bodies that share less are different texts; their titles must then be the same."""
ORDER: Final = 0.7
"""Share of the common words that stand in the same order."""
LEAST_WORDS: Final = 3
"""Shorter titles are one only when they are the same."""

_HELD: Final = frozenset({Kind.NUMBER, Kind.NAME, Kind.UP, Kind.DOWN, Kind.NOT})
_NAMES: Final = frozenset({Kind.NAME, Kind.MAYBE})


class Likeness(NamedTuple):
    """The outcome, and how alike they are (0 to 1) in that respect; ``told`` says it in words."""

    why: Why
    share: float
    told: str = ""

    @property
    def one(self) -> bool:
        """Whether they tell one story."""
        return self.why in ("same", "body", "title")


def likeness(a: Sketch, b: Sketch, title: float = TITLE) -> Likeness:
    """Compare two items; ``title`` is the threshold for titles."""
    held = _bodies(a, b)
    known = a.title == b.title and a.title and (
        held is None or held >= STRANGE_BODY or len(a.kinds) > LEAST_WORDS
    )  # fmt: skip
    if known:
        return Likeness("same", 1.0, "the same title")
    both = _Titles(a, b)
    if held is not None and held >= BODY and _same_facts(a, b):
        found = _texts(both, held, min(a.size, b.size))
        if found is not None:
            return found
    return _titles(both, title, strange=held is not None and held < STRANGE_BODY)


def _texts(both: "_Titles", held: float, size: int) -> Likeness | None:
    """Decide by bodies of which the longer holds most of the shorter; None: they say too little."""
    told = f"the bodies share {held:.0%}"
    if size < LONG_BODY and both.share < SOME_TITLE:
        return None
    if size >= LONG_BODY and held >= SURE_BODY:
        return Likeness("body", held, told)
    if against := _conflict(both):
        return Likeness("conflict", held, against)
    return Likeness("body", held, told)


def _titles(both: "_Titles", threshold: float, *, strange: bool) -> Likeness:
    share = both.share
    told = f"the titles share {len(both.shared)} of {both.all} words"
    shortest = min(len(both.a), len(both.b))
    needed = threshold + REPLACED if both.only_a and both.only_b else threshold
    if shortest < LEAST_WORDS or share < needed or strange:
        return Likeness("other", share, told)
    if against := _conflict(both):
        return Likeness("conflict", share, against)
    return Likeness("title", share, told)


class _Titles:
    """Two titles, word by word: what they share, and what only one of them holds."""

    def __init__(self, a: Sketch, b: Sketch) -> None:
        self.a: Mapping[int, int] = dict(zip(unpacked(a.title, "I"), a.kinds, strict=True))
        self.b: Mapping[int, int] = dict(zip(unpacked(b.title, "I"), b.kinds, strict=True))
        self.shared = [word for word in self.a if word in self.b]
        self.only_a = {kind for word, kind in self.a.items() if word not in self.b}
        self.only_b = {kind for word, kind in self.b.items() if word not in self.a}
        self.all = len(self.a) + len(self.b) - len(self.shared)
        self.share = len(self.shared) / self.all if self.all else 0.0


def _conflict(both: _Titles) -> str:
    """Say which difference between the titles means something else; "": none."""
    a, b = both.only_a, both.only_b
    opposite = (Kind.UP in a and Kind.DOWN in b) or (Kind.DOWN in a and Kind.UP in b)
    if Kind.NUMBER in a and Kind.NUMBER in b:
        return "other numbers"
    if a & _NAMES and b & _NAMES:
        return "other names"
    if opposite:
        return "the opposite direction"
    if Kind.NOT in a ^ b:
        return "one of them negates"
    return "the same words in another order" if _moved(both) else ""


def _moved(both: _Titles) -> bool:
    """Say whether what they share stands in another order, or most of it does."""
    held = [w for w in both.shared if both.a[w] in _HELD or both.b[w] in _HELD]
    return held != sorted(held, key=list(both.b).index) or _in_order(both) < ORDER


def _in_order(both: _Titles) -> float:
    """Return the longest run of shared words that keeps its order, as a share of them."""
    places = {word: at for at, word in enumerate(both.b)}
    tails: list[int] = []
    for word in both.shared:
        at = bisect_left(tails, places[word])
        tails[at : at + 1] = [places[word]]
    return len(tails) / len(both.shared) if both.shared else 0.0


def _bodies(a: Sketch, b: Sketch) -> float | None:
    """Return how much of the shorter body the longer one holds; None unless both have one."""
    if not a.size or not b.size:
        return None
    if a.body == b.body:
        return 1.0
    return containment(resemblance(unpacked(a.body, "H"), unpacked(b.body, "H")), a.size, b.size)


def _same_facts(a: Sketch, b: Sketch) -> bool:
    """Compare the least hashes of both, as far as both lists reach."""
    ours, theirs = unpacked(a.facts, "I"), unpacked(b.facts, "I")
    if not ours or not theirs:
        return True
    return _overlap(ours, theirs) >= FACTS


def _overlap(a: Sequence[int], b: Sequence[int]) -> float:
    """Return the share of the shorter list that the longer one holds, as far as both reach."""
    if len(a) == len(b) == LISTED:
        end = min(a[-1], b[-1])
        a, b = [x for x in a if x <= end], [x for x in b if x <= end]
    return len(set(a) & set(b)) / min(len(a), len(b))
