"""
The watch window after a promotion: whether the new bundle is worse in service than the one before it.

Compared are refusals, failures of the model, time per token and the mix of tones, with what the bundle
before did last. A difference counts beyond its margin and beyond what chance explains: shares at
``Z`` standard errors; the mix by the bound TV <= sqrt(chi2 (1/n + 1/m)) / 2, which follows from Cauchy and
Schwarz for the total variation distance TV, with chi2 at ``CHI2``. Both are strict, since the question is asked
again and again while the window is open.
"""

from math import sqrt
from typing import Final, Literal, NamedTuple, TypeAlias

Z: Final = 4.0
CHI2: Final = 20.0
"""Of two degrees of freedom, exceeded by chance once in 22,000."""
TIMED_TOKENS: Final = 2000
"""Padded tokens below which a time says nothing."""

Verdict: TypeAlias = Literal["wait", "keep", "roll back"]


class Tally(NamedTuple):
    """
    What was seen of a bundle in service.

    ``items`` were asked about, of which ``refused`` the model could not read and ``failed`` it broke on;
    ``tokens`` with padding took ``seconds``; the rest are the tones.
    """

    items: int = 0
    refused: int = 0
    failed: int = 0
    tokens: int = 0
    seconds: float = 0.0
    negative: int = 0
    neutral: int = 0
    positive: int = 0

    def plus(self, other: "Tally") -> "Tally":
        """Return both together."""
        return Tally(
            self.items + other.items,
            self.refused + other.refused,
            self.failed + other.failed,
            self.tokens + other.tokens,
            self.seconds + other.seconds,
            self.negative + other.negative,
            self.neutral + other.neutral,
            self.positive + other.positive,
        )

    @property
    def tones(self) -> tuple[int, int, int]:
        """The items of each tone."""
        return self.negative, self.neutral, self.positive


class Limits(NamedTuple):
    """
    What a new bundle may differ by, and how long it is watched.

    ``refused`` and ``failed`` are shares more than before, ``slower`` a factor of the time per token,
    ``mix`` a total variation distance between 0 and 1. A window lasts ``seconds``, and says nothing with
    fewer than ``items`` on either side.
    """

    seconds: float
    items: int
    slower: float
    mix: float
    refused: float = 0.02
    failed: float = 0.01


class Judgement(NamedTuple):
    """What to do now, and why."""

    verdict: Verdict
    reason: str


def judge(before: Tally, after: Tally, elapsed: float, limits: Limits) -> Judgement:
    """Decide ``elapsed`` seconds after a promotion."""
    over = elapsed >= limits.seconds
    if min(before.items, after.items) < limits.items:
        if not over:
            return Judgement("wait", "too few items yet")
        return Judgement(
            "keep",
            f"the window is over, and {before.items} items before and {after.items} after are too few "
            "to compare",
        )
    why = (
        _more("refused", before.refused, after.refused, before, after, limits.refused)
        or _more("failed", before.failed, after.failed, before, after, limits.failed)
        or _slower(before, after, limits.slower)
        or _other_mix(before, after, limits.mix)
    )
    if why:
        return Judgement("roll back", why)
    if over:
        return Judgement("keep", f"no worse over {after.items} items")
    return Judgement("wait", f"no worse so far, over {after.items} items")


def _more(what: str, old: int, new: int, before: Tally, after: Tally, margin: float) -> str | None:
    was, now = old / before.items, new / after.items
    pooled = (old + new + 1) / (before.items + after.items + 2)
    chance = Z * sqrt(pooled * (1 - pooled) * (1 / before.items + 1 / after.items))
    if now - was <= margin + chance:
        return None
    return f"{now:.1%} of {after.items} items {what}, before it was {was:.1%} of {before.items}"


def _slower(before: Tally, after: Tally, limit: float) -> str | None:
    if min(before.tokens, after.tokens) < TIMED_TOKENS or not before.seconds:
        return None
    was, now = before.seconds / before.tokens, after.seconds / after.tokens
    if now <= limit * was:
        return None
    return f"a token takes {now / was:.1f} times as long as before; allowed are {limit:g}"


def _other_mix(before: Tally, after: Tally, limit: float) -> str | None:
    n, m = sum(before.tones), sum(after.tones)
    if not n or not m:
        return None
    pairs = list(zip(before.tones, after.tones, strict=True))
    distance = sum(abs(old / n - new / m) for old, new in pairs) / 2
    chance = sqrt(CHI2 * (1 / n + 1 / m)) / 2
    if distance <= limit + chance:
        return None
    return (
        f"the mix of tones moved by {distance:.2f}, from {_mix(before.tones)} to {_mix(after.tones)} "
        f"(negative, neutral, positive); allowed are {limit:g}, and {chance:.2f} for chance"
    )


def _mix(tones: tuple[int, int, int]) -> str:
    total = sum(tones)
    return ", ".join(f"{count / total:.0%}" for count in tones)
