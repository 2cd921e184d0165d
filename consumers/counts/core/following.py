"""
Which series are counted beyond the plain ones: entities that are followed, and schemes.

Rules: the registry stands in each shard beside the counts, and each change of it has a new version. A step
names the version that it was folded under, and is refused under another; so from the log position at which
a series was registered on, each partition counts it exactly, whoever counts. ``since`` says where that was;
what lies before is filled from the log, and then ``since`` is empty.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec

from consumers.counts.core.strangers import WINDOW
from groundswell.events import Opinion
from groundswell.schemes import Lookout, Scheme, words_of
from groundswell.series import ENTITY, SCHEME, entity_series, plain_series

ENTITIES: Final = 10_000
"""Entities that are followed at most."""


class Since(NamedTuple):
    """From which position in the log of a partition a series is counted; the log by its identity."""

    partition: int
    log_id: str
    position: int


class Followed(NamedTuple):
    """A series of the registry: its words (None: an entity), and where its counts begin (empty: whole)."""

    scheme: Scheme | None
    since: tuple[Since, ...]


class Registry(NamedTuple):
    """The series that a shard follows; ``version`` is "" while nothing was ever followed."""

    version: str = ""
    series: Mapping[str, Followed] = MappingProxyType({})


class Following(NamedTuple):
    """
    What a fold counts.

    ``plain`` says whether the plain series count; ``reach`` names series that count only in a stretch
    of the log, from the first position to before the second.
    """

    version: str = ""
    entities: frozenset[str] = frozenset()
    schemes: Lookout = Lookout({})
    plain: bool = True
    reach: Mapping[str, tuple[int, int]] = MappingProxyType({})

    def counted(self, opinion: Opinion, offset: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the series that an opinion counts in, and those of entities that nobody follows."""
        series = list(plain_series(opinion)) if self.plain else []
        strangers: tuple[str, ...] = ()
        named = entity_series(opinion)
        if named:
            series += [name for name in named if name in self.entities]
            strangers = tuple(name for name in named if name not in self.entities)
        if self.schemes and opinion.read:
            series += self.schemes.matching(words_of(opinion))
        if self.reach:
            series = [name for name in series if self._reaches(name, offset)]
        return tuple(series), strangers

    def _reaches(self, series: str, offset: int) -> bool:
        first, end = self.reach.get(series, (0, offset + 1))
        return first <= offset < end


NOBODY: Final = Following()
"""The plain series and no others."""

EVER: Final = 1 << 62
"""A position that no log reaches."""

_scheme_decoder = msgspec.json.Decoder(Scheme)
_scheme_encoder = msgspec.json.Encoder()
_since_decoder = msgspec.msgpack.Decoder(tuple[Since, ...])


def encode_scheme(scheme: Scheme | None) -> bytes:
    """Encode the words of a series for the registry; an entity has none."""
    return b"" if scheme is None else _scheme_encoder.encode(scheme)


def decode_followed(definition: bytes, since: bytes) -> Followed:
    """Decode an entry of the registry. Raises ``msgspec.DecodeError`` on anything else."""
    begun = _since_decoder.decode(since) if since else ()
    return Followed(
        _scheme_decoder.decode(definition) if definition else None,
        begun,
    )


def encode_since(since: tuple[Since, ...]) -> bytes:
    """Encode where the counts of a series begin, as the registry does."""
    return msgspec.msgpack.encode(since) if since else b""


def following(registry: Registry) -> Following:
    """Return what a fold counts under a registry."""
    return Following(
        registry.version,
        frozenset(name for name in registry.series if name.startswith(ENTITY)),
        Lookout(
            {
                name: followed.scheme
                for name, followed in sorted(registry.series.items())
                if name.startswith(SCHEME) and followed.scheme is not None
            }
        ),
    )


def as_counted(registry: Registry, partition: int, log_id: str) -> Following:
    """Return what the counts of a partition hold: of series without their past only what came since."""
    reach = {
        name: (since.position, EVER)
        for name, followed in registry.series.items()
        for since in followed.since
        if (since.partition, since.log_id) == (partition, log_id)
    }
    return following(registry)._replace(reach=reach)


def past_of(series: Mapping[str, Followed], partition: int, log_id: str) -> Following:
    """Return what is missing of a partition: those series up to where they are counted, and no other."""
    reach = {
        name: (0, since.position)
        for name, followed in series.items()
        for since in followed.since
        if (since.partition, since.log_id) == (partition, log_id)
    }
    held = Registry("", {name: series[name] for name in reach})
    return following(held)._replace(plain=False, reach=reach)


def moved(before: Registry, after: Registry) -> frozenset[str]:
    """Return the series that were added, filled or dropped between two looks at a registry."""
    names = before.series.keys() | after.series.keys()
    return frozenset(n for n in names if before.series.get(n) != after.series.get(n))


def resting(registry: Registry, newest: Mapping[str, int], now: int) -> tuple[str, ...]:
    """
    Return the entities that were quiet for a day before minute ``now``, the quietest first.

    Who has counted nothing yet and lacks its past was found just now: it is not quiet.
    """
    quiet = [
        (newest.get(name, 0), name)
        for name, held in registry.series.items()
        if name.startswith(ENTITY)
        and newest.get(name, 0) <= now - WINDOW
        and (name in newest or not held.since)
    ]
    return tuple(name for _, name in sorted(quiet))
