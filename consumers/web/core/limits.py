"""
Rate limits: a token bucket a caller (Turner, New directions in communications, IEEE Comm. Mag. 1986).

A bucket fills with ``rate`` tokens a second up to ``burst``; a request takes one. Rule: of callers that
have not called for as long as it takes to fill a bucket nothing is kept, since theirs is full.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Rate(NamedTuple):
    """``rate`` tokens a second, at most ``burst`` at once."""

    rate: float
    burst: int


class Bucket(NamedTuple):
    """What was left at a time (seconds)."""

    tokens: float
    at: float


class Taken(NamedTuple):
    """
    The bucket after a request, and whether that may go on.

    ``left`` are whole requests; ``wait`` the seconds until the next may come, ``full`` until all may.
    """

    bucket: Bucket
    allowed: bool
    left: int
    wait: float
    full: float


def take(bucket: Bucket | None, limit: Rate, now: float) -> Taken:
    """Take a token at ``now``; None is a bucket that is full."""
    tokens = float(limit.burst)
    if bucket is not None:
        tokens = min(tokens, bucket.tokens + max(0.0, now - bucket.at) * limit.rate)
    allowed = tokens >= 1.0
    after = tokens - 1.0 if allowed else tokens
    return Taken(
        bucket=Bucket(after, now),
        allowed=allowed,
        left=int(after),
        wait=0.0 if after >= 1.0 else (1.0 - after) / limit.rate,
        full=(limit.burst - after) / limit.rate,
    )


def idle(buckets: Mapping[str, Bucket], limit: Rate, now: float) -> Iterable[str]:
    """Name the callers whose buckets are full again."""
    filled = limit.burst / limit.rate
    return [name for name, bucket in buckets.items() if now - bucket.at >= filled]
