"""
What to do about a bundle that an alias names: take it, stay as we are, or leave it alone for good.

Rules: a bundle that failed twice is not tried again, until the alias is moved anew: the last good one is
pinned. Every decision comes with its reason; time is an argument.
"""

import statistics
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, TypeAlias
from zlib import crc32

ATTEMPTS: Final = 2
"""So often a bundle may fail before it is left alone."""

Action: TypeAlias = Literal["stay", "wait", "take"]


class Target(NamedTuple):
    """What an alias names: a bundle (any name that is its own), by its move of this number."""

    bundle: str
    generation: int


class Failures(NamedTuple):
    """How often a target has failed, why the last time, and from when on (s) it may be tried again."""

    target: Target
    times: int
    why: str
    again_at: float

    @property
    def pinned(self) -> bool:
        """Whether it is left alone."""
        return self.times >= ATTEMPTS


class Step(NamedTuple):
    """What to do, and why."""

    action: Action
    reason: str


def next_step(serving: str, wanted: Target | None, failures: Failures | None, now: float) -> Step:
    """Decide about what an alias names (None: nothing), with ``serving`` in use at ``now`` (s)."""
    if wanted is None:
        return Step("stay", "the alias names nothing")
    if wanted.bundle == serving:
        return Step("stay", "it is in use")
    if failures is None or failures.target != wanted:
        return Step("take", "the alias names another one")
    if failures.pinned:
        return Step("stay", f"pinned to the last good one: {failures.why}")
    if now < failures.again_at:
        return Step("wait", f"it failed: {failures.why}")
    return Step("take", f"once more: {failures.why}")


def failed(
    failures: Failures | None, target: Target, why: str, now: float, pause: float
) -> Failures:
    """Count a failure of ``target``, which may be tried again in ``pause`` seconds."""
    before = failures.times if failures is not None and failures.target == target else 0
    return Failures(target, before + 1, why, now + pause)


def condemned(target: Target, why: str) -> Failures:
    """Leave a target alone that served and was found bad."""
    return Failures(target, ATTEMPTS, why, 0.0)


class Round(NamedTuple):
    """Seconds that the present bundle and a new one took for the same texts, one right after the other."""

    old: float
    new: float


def times_as_long(rounds: Sequence[Round]) -> float:
    """
    Say how many times as long the new bundle takes as the old one, from several rounds.

    Of two estimates the kinder one: the median of the rounds' ratios, which some rounds under load do not
    move, and the ratio of the two best times, which one quiet moment on each side gives. What is really
    slower is so in both.
    """
    median = statistics.median(part.new / part.old for part in rounds)
    best = min(part.new for part in rounds) / min(part.old for part in rounds)
    return min(median, best)


def too_slow(rounds: Sequence[Round], limit: float) -> str | None:
    """Say why a bundle is too slow, of which ``limit`` times the old one's time is allowed."""
    times = times_as_long(rounds)
    if times <= limit:
        return None
    return f"it takes {times:.1f} times as long for the same texts; allowed are {limit:g}"


def in_share(partition: int, offset: int, share: float) -> bool:
    """Say whether an item belongs to a share of the stream: the same ones in every process."""
    return crc32(b"%d/%d" % (partition, offset)) < share * 2**32
