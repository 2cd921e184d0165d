"""Stories in Redis alone: two consumers at once, bounds, and a store that is away, foreign or flushed."""

import asyncio

import pytest
from redis.asyncio import Redis

from consumers.adapters import keys, redis_stories
from consumers.adapters.embedded import free_port
from consumers.adapters.redis_stories import RedisStories, open_stories
from groundswell.errors import Transient
from groundswell.settings import Settings
from tests.story_world import HOUR, OTHER, T0, WIRE, told


def opened(port, prefix, kept=100):
    return open_stories(
        Settings(redis_url=f"redis://127.0.0.1:{port}", redis_prefix=prefix, stories_kept=kept)
    )


async def test_two_consumers_that_look_at_once_begin_one_story(valkey_port):
    one, two = opened(valkey_port, "race"), opened(valkey_port, "race")
    try:
        for n in range(30):
            title = f"{WIRE} number {n}"
            first, second = await asyncio.gather(
                one.place([told(n, OTHER), told(100 + n, title)]),
                two.place([told(n, title, partition=1), told(100 + n, OTHER, partition=1)]),
            )
            assert first[1].story == second[0].story
            assert len({*first[1].new_in, *second[0].new_in}) == 2
            assert len(first[1].new_in) + len(second[0].new_in) == 2
    finally:
        await one.close()
        await two.close()


class Beaten(RedisStories):
    """A consumer that another one overtakes between looking and telling, ``times`` times."""

    times = 1
    other: RedisStories

    async def _found(self, items):
        found = await super()._found(items)
        if self.times:
            self.times -= 1
            await self.other.place([told(500 + self.times, partition=3)])
        return found


@pytest.mark.parametrize("times", [1, 50])
async def test_what_was_kept_meanwhile_is_decided_again(valkey_port, times):
    other = opened(valkey_port, f"beaten{times}")
    client = Redis.from_url(f"redis://127.0.0.1:{valkey_port}")
    store = Beaten(client, prefix=f"beaten{times}", hours=24, kept=100, place="here")
    store.other, store.times = other, times
    try:
        first, copy, unlike = await store.place([told(0), told(1), told(2, OTHER)])

        assert first.story == copy.story == f"news@n/3/{499 + times}"
        assert first.new_in == ()
        assert (unlike.story, unlike.why) == ("news@n/0/2", "new")
    finally:
        await store.close()
        await other.close()


async def test_what_stands_in_redis_is_bounded_and_expires(valkey_port):
    store = opened(valkey_port, "bound")
    client = Redis.from_url(f"redis://127.0.0.1:{valkey_port}")
    answers, asked, samples, buckets, tones, _ = keys.stories("bound")
    try:
        titles = [f"Company {n:03}x of town {n * 7:04}y sells {n} ships" for n in range(400)]
        for at in range(0, 400, 40):
            await store.place([told(at + n, t) for n, t in enumerate(titles[at : at + 40])])
        sizes = [await client.hlen(k) for k in (answers, samples, tones)]
        assert sizes == [100, 100, 100]
        assert await client.llen(asked) == 100
        assert await client.hlen(buckets) <= 100 * 8

        for n in range(12):  # a day later: what is old goes, a few with each call
            await store.place([told(1000 + n, OTHER, at=T0 + 30 * HOUR)])
        assert await client.hlen(samples) == await client.hlen(tones) == 1
        assert await client.hlen(buckets) == 8
        assert await client.hlen(answers) == await client.llen(asked) == 12
    finally:
        await client.aclose()
        await store.close()


async def test_all_keys_lie_in_one_slot():
    assert {key.partition("}")[0] for key in keys.stories("p")} == {"{pstories"}


async def test_a_server_that_is_away_or_holds_something_else_is_transient(valkey_port):
    away = opened(free_port(), "x")
    with pytest.raises(Transient, match="away"):
        await away.place([told(0)])
    await away.close()

    store = opened(valkey_port, "foreign")
    client = Redis.from_url(f"redis://127.0.0.1:{valkey_port}")
    try:
        await client.set(keys.stories("foreign")[0], "a string")
        with pytest.raises(Transient, match="keeps no stories"):
            await store.place([told(0)])
        await client.delete(keys.stories("foreign")[0])
        await client.hset(keys.stories("foreign")[0], "news@n/0/0", b"\x93\x01\x02\x03")
        with pytest.raises(Transient, match="this release cannot read"):
            await store.place([told(0)])
    finally:
        await client.aclose()
        await store.close()


async def test_scripts_survive_a_flush(valkey_port):
    store = opened(valkey_port, "flush")
    client = Redis.from_url(f"redis://127.0.0.1:{valkey_port}")
    try:
        await store.place([told(0)])
        await client.script_flush()
        [place] = await store.place([told(1)])
        assert place.story == "news@n/0/0"
    finally:
        await client.aclose()
        await store.close()


async def test_a_server_that_stands_still_is_given_up(monkeypatch):
    monkeypatch.setattr(redis_stories, "TIMEOUT_SECONDS", 0.05)
    held = []
    server = await asyncio.start_server(lambda r, w: held.append((r, w)), "127.0.0.1", 0)
    store = opened(server.sockets[0].getsockname()[1], "still")
    try:
        with pytest.raises(Transient, match="away"):
            await store.place([told(0)])
    finally:
        await store.close()
        for _, writer in held:
            writer.close()
        server.close()
