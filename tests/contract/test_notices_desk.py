"""What a person does about subscriptions, channels and silences, over the twin, SQLite and PostgreSQL."""

import pytest

from consumers.records.alerts import Minute
from consumers.records.notices.values import Matcher, Silence
from tests.notices_world import channel, notices_of, planned, put, subscription
from tests.records_world import ID, M0, T0, fired, move


@pytest.fixture
async def notices(place, records):
    async with notices_of(place, records) as opened:
        await opened.put_channel(channel())
        yield opened


async def test_subscriptions_have_versions_and_names(notices):
    assert await notices.put_subscription(subscription(), version=0) == 1
    assert await notices.put_subscription(subscription(), version=0) == "changed meanwhile"
    assert await notices.put_subscription(subscription(paused=True), version=1) == 2
    assert await notices.put_subscription(subscription("s2"), version=1) == "changed meanwhile"
    assert await notices.put_subscription(subscription("s2", name="s1")) == "name taken"
    assert await notices.put_subscription(subscription("s2", channels=("no",))) == "unknown channel"
    assert await notices.put_subscription(subscription("s2", owner="bob", name="s1")) == 1
    kept = [(s.id, s.paused, v) for s, v in await notices.subscriptions()]
    assert kept == [("s1", True, 2), ("s2", False, 1)]
    assert len(await notices.subscriptions("bob")) == 1
    assert await notices.delete_subscription("s2")
    assert not await notices.delete_subscription("s2")


async def test_a_channel_in_use_stays_and_a_removed_one_forgets_its_secrets(notices):
    await notices.put_subscription(subscription())
    assert not await notices.put_channel(channel("c9", name="c1"))
    assert await notices.remove_channel("c1") == "in use"
    await put(notices, planned(1))
    await notices.delete_subscription("s1")
    assert await notices.remove_channel("c1") == "removed"
    assert await notices.remove_channel("c1") == "unknown"
    (left,) = await notices.channels()
    assert (left.sealed, left.shown, left.disabled) == (b"", "", "removed")
    assert [d.said for d in await notices.deliveries("dead")] == ["the channel was removed"]
    await notices.put_channel(channel("c2"))
    assert await notices.remove_channel("c2") == "removed"
    assert [c.id for c in await notices.channels("ann")] == ["c1"]
    assert not await notices.disable_channel("nobody", "x")


async def test_silences_are_listed_until_they_end(notices):
    one = Silence("x", (Matcher("kind", ("surge",)),), T0, T0 + 10, "ann", "known")
    await notices.put_silence(one)
    assert await notices.silences(T0) == (one,)
    assert (await notices.work()).silences == (one,)
    await notices.put_silence(
        Silence(**{**{f: getattr(one, f) for f in one.__struct_fields__}, "end": T0})
    )
    assert (await notices.silences(T0), await notices.now()) == ((), T0)


async def test_what_goes_on_is_what_has_not_ended(notices, records, lease):
    assert await notices.going_on() == ()
    await records.commit_minute(lease, fired())
    (one,) = await notices.going_on()
    assert (one.id, one.state) == (ID, "firing")
    await records.commit_minute(lease, Minute(M0 + 1, M0, moves=(move("firing", "recovering"),)))
    assert [a.state for a in await notices.going_on()] == ["recovering"]
    await records.act(ID, "resolve", "ann", "")
    assert await notices.going_on() == ()
