"""
All rhythms together, one decided minute: what spoke, what fell silent, what spoke again.

Watched are ``all``, topics, and users' own queries, whose news should never stop, and sources; entities
are not, for a name that is out of the news is no fault. Sources are known by the hashes that a minute
keeps of them; those of a busy minute may be cut, so that a source is rather seen less often than it spoke.

Rule: while nothing at all is read (``all`` is silent), its alert stands over those of the others.
"""

from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from consumers.watch.core import silence
from consumers.watch.core.evidence import Seen
from consumers.watch.core.silence import Rhythm

ALL: Final = "all"
SOURCE: Final = "source:"
MOST: Final = 1000
"""Rhythms that are kept; the longest silent give way."""


class Silences(NamedTuple):
    """The rhythms after a minute; what fell silent, and whose alert ended: keys, and why."""

    rhythms: Mapping[str, Rhythm]
    raised: tuple[str, ...]
    ended: Mapping[str, str]


def key_of(source: int) -> str:
    """Return the key of a source."""
    return f"{SOURCE}{source:08x}"


def is_watched(series: str) -> bool:
    """Say whether silence of a series is a fault."""
    return series == ALL or series.startswith(("topic:", "scheme:"))


def silences(
    before: Mapping[str, Rhythm],
    minute: int,
    seen: Mapping[str, Seen | None],
    names: Mapping[int, str],
    left_out: Collection[int],
) -> Silences:
    """Decide a minute; ``names`` of sources, as far as they are known, ``left_out`` partitions."""
    heard = {n for n, s in seen.items() if s and s.stories + s.late and is_watched(n)}
    heard |= {key_of(source) for s in seen.values() if s for source in s.sources}
    rhythms = dict(before)
    raised, ended = [], {}
    for key in sorted(heard):
        held = before.get(key)
        rhythms[key] = silence.spoke(held, minute) if held else silence.begun(minute)
        if held and held.raised >= 0:
            ended[key] = "it speaks again"
    for key, held in before.items():
        if key in heard:
            continue
        if minute - held.last > silence.FORGOTTEN:
            del rhythms[key]
            if held.raised >= 0:
                ended[key] = "silent for a week: no longer expected"
        elif held.raised < 0 and not left_out and silence.is_silent(held, minute):
            rhythms[key] = silence.raised(held, minute, _named(key, names))
            raised.append(key)
    for key in sorted(rhythms, key=lambda k: (rhythms[k].last, k))[: max(0, len(rhythms) - MOST)]:
        if rhythms[key].raised >= 0:
            ended[key] = "too many are watched: no longer expected"
        del rhythms[key]
    return Silences(rhythms, tuple(sorted(raised)), dict(sorted(ended.items())))


def _named(key: str, names: Mapping[int, str]) -> str:
    """Return the series under which a silence is told: a source by its name, if that is known."""
    if not key.startswith(SOURCE):
        return key
    name = names.get(int(key.removeprefix(SOURCE), 16))
    return f"{SOURCE}{name}" if name else key


def silent_series(rhythms: Mapping[str, Rhythm]) -> frozenset[str]:
    """Return the series whose silence is told, and not over."""
    return frozenset(
        key for key, held in rhythms.items() if held.raised >= 0 and not key.startswith(SOURCE)
    )
