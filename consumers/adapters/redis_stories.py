"""
Stories in Redis or Valkey, shared by all consumers: a single server or a cluster.

Rules: what is like what is decided here, by the core; the server only keeps, and refuses a decision
that something kept since could change, which is then made again. So two calls a batch, and no two
consumers begin one story. It is soft state: whatever is wrong with it is ``Transient``, and memory takes
over. No call is cancelled half-way.
"""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any, Final

import msgspec
from redis.exceptions import RedisError

from consumers.adapters import keys
from consumers.adapters.memory_stories import BUCKET, CANDIDATES
from consumers.adapters.redis_client import Client, connect, speaking, where, whole
from consumers.adapters.redis_script import Script, raw
from consumers.news.core.stories import (
    HOUR_MS,
    Decision,
    Place,
    Sample,
    Told,
    decide,
    decode_sample,
    encode_sample,
    new_series,
    tags_of,
)
from groundswell.errors import GroundswellError, Transient
from groundswell.series import story_of
from groundswell.settings import Settings

ROUNDS: Final = 4
"""Times that a decision is made again; the last one stands, whatever was kept since."""
ANY: Final = -1
UNKNOWN: Final = 1
"""Keep it as a sample only where its story is not known."""
TIMEOUT_SECONDS: Final = 1.0
"""How long a call may take: memory is there, and items wait."""

_find = Script((files(__package__) / "stories_find.lua").read_text("utf-8"))
_tell = Script((files(__package__) / "stories_tell.lua").read_text("utf-8"))
_answer = msgspec.msgpack.Decoder(tuple[int, str, tuple[str, ...], tuple[int, ...]])


class RedisStories:
    """The stories; ``place`` names the server in messages, ``hours`` and ``kept`` as in the twin."""

    def __init__(self, client: Client, *, prefix: str, hours: int, kept: int, place: str) -> None:
        self._client: Any = client  # its annotations mix answers of both protocols and both kinds
        self._names = keys.stories(prefix)
        self._window = hours * HOUR_MS
        self._kept = kept
        self._place = place

    async def place(self, items: Sequence[Told]) -> list[Place]:
        places: dict[int, Place] = {}
        for again in range(ROUNDS):
            asked = [at for at in range(len(items)) if at not in places]
            if not asked:
                break
            seen, known = await self._found([items[at] for at in asked])
            fresh = _Fresh()
            decisions: list[tuple[int, Decision]] = []
            for at, (answer, samples) in zip(asked, known, strict=True):
                if answer is None:
                    decisions.append((at, fresh.decide(items[at], samples, self._window)))
                elif answer[2] == tags_of(items[at]):
                    places[at] = _placed(items[at], answer, "again", "")
                else:
                    decision = Decision(answer[1], "again", "", 0, keep=False)
                    decisions.append((at, decision))
            told = [_telling(items[at], decision) for at, decision in decisions]
            answers = await self._told(ANY if again == ROUNDS - 1 else seen, told)
            for (at, decision), answer in zip(decisions, answers, strict=True):
                if answer is not None:
                    places[at] = _placed(items[at], answer, decision.why, decision.told)
        return [places[at] for at in range(len(items))]

    async def remember(self, items: Sequence[Told], places: Sequence[Place]) -> None:
        told = []
        for item, place in zip(items, places, strict=True):
            telling = _telling(item, Decision(place.story, "", "", item.arrived, keep=True))
            telling[-1].append(UNKNOWN)
            told.append(telling)
        await self._told(ANY, told)

    async def close(self) -> None:
        await whole(self._client.aclose())

    async def _found(self, items: Sequence[Told]) -> tuple[int, list[tuple[Any, list[Sample]]]]:
        """Return how many samples there ever were, and per item its answer (or None) and candidates."""
        answers, _, samples, buckets, _, meta = self._names
        asked = [[story_of(i.origin), [raw(band) for band in i.sketch.bands]] for i in items]
        argument = msgspec.msgpack.encode([CANDIDATES, asked])
        reply = await self._call(_find, [answers, samples, buckets, meta], argument)
        try:
            return int(reply[0]), [
                (None if held is None else _answer.decode(held), [decode_sample(v) for v in found])
                for held, found in reply[1:]
            ]
        except (msgspec.DecodeError, ValueError, TypeError) as error:
            raise Transient(
                f"Redis at {self._place} holds stories that this release cannot read: {error}"
            ) from error

    async def _told(self, seen: int, items: Sequence[list[Any]]) -> list[Any]:
        """Write down; return per item its answer, or None where it must be decided again."""
        if not items:
            return []
        argument = msgspec.msgpack.encode([seen, self._window, self._kept, BUCKET, items])
        reply = await self._call(_tell, list(self._names), argument)
        return [None if held is None else _answer.decode(held) for held in reply]

    async def _call(self, script: Script, names: list[str], argument: bytes) -> list[Any]:
        try:
            async with speaking(self._place):
                return await whole(script(self._client, names, argument))
        except Transient:
            raise
        except (GroundswellError, RedisError) as error:
            raise Transient(f"Redis at {self._place} keeps no stories: {error}") from error


class _Fresh:
    """What a batch keeps of its own: its items may be like one another."""

    def __init__(self) -> None:
        self._by_band: dict[bytes, list[Sample]] = {}

    def decide(self, item: Told, samples: Sequence[Sample], window: int) -> Decision:
        """Decide by what the server and the batch so far hold."""
        own = [s for band in item.sketch.bands for s in self._by_band.get(band, ())]
        unique = {id(sample): sample for sample in own[-CANDIDATES:]}
        decision = decide(item, [*samples, *unique.values()], window)
        if decision.keep:
            story = decision.story or story_of(item.origin)
            sample = Sample(story, decision.began, item.sketch)
            for band in item.sketch.bands:
                self._by_band.setdefault(band, []).append(sample)
        return decision


def _telling(item: Told, decision: Decision) -> list[Any]:
    """Lay a decision out as the script wants it."""
    place = story_of(item.origin)
    story = decision.story or place
    kept: list[Any] = []
    if decision.keep:
        value = encode_sample(Sample(story, decision.began, item.sketch))
        bands = [raw(band) for band in dict.fromkeys(item.sketch.bands)]
        kept = [decision.began, bands, raw(value)]
    return [place, item.arrived, story, tags_of(item), kept]


def _placed(item: Told, answer: Any, why: str, told: str) -> Place:
    _, story, _, new = answer
    return Place(story, new_series(item, new), why, told)


def open_stories(settings: Settings) -> RedisStories:
    """Build the shared stories; nothing is connected yet. Raises ``SettingsError``."""
    return RedisStories(
        connect(settings, TIMEOUT_SECONDS),
        prefix=settings.redis_prefix,
        hours=settings.stories_hours,
        kept=settings.stories_kept,
        place=where(settings),
    )
