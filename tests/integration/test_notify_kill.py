"""
Processes of `notify` killed at random instants, against receivers that misbehave: nothing is lost.

Every alert arrives at least once, every repeat has the key and the body of the first, and no alert is told
to go on after it was told to be over. 10,000 alerts and 100 kills take minutes (`make soak`).
"""

import asyncio
import json
import random

import msgspec
import pytest
from standardwebhooks import Webhook

from consumers.notify.desk.making import new_secret
from consumers.notify.sealing import FernetSealer, new_key
from consumers.records.alerts import Episode, Minute, Move, alert_id
from consumers.records.engine import engine_of
from consumers.records.notices.database import open_notices
from consumers.records.notices.values import Channel, Filters, Grouping, Subscription
from consumers.records.schema import upgrade
from tests.notify_worker import start
from tests.receivers import receiving

M0 = 29_000_000
EVIDENCE = json.dumps(
    {"stories": [{"title": f"t{n}", "url": f"https://a.test/{n}"} for n in range(4)]}
).encode()


class Unruly:
    """Fails half the time: 500, 429, hangs, closes early, or answers 200 with an error in its body."""

    def __init__(self, seed, kind, secret=""):
        self.rng, self.kind, self.got = random.Random(seed), kind, []
        self.secret = secret

    def __call__(self, call):
        lot = self.rng.random()
        if lot < 0.18:
            return 500, {}, b"oh"
        if lot < 0.3:
            return 429, {"Retry-After": "0"}, b"slow down"
        if lot < 0.305:
            return "hang"
        if lot < 0.4:
            return "close"
        if self.secret:  # at once: a signature is good for five minutes
            Webhook(self.secret).verify(call.body, call.headers)
        self.got.append(call)  # it has it, whatever it says
        if lot < 0.5:
            return (200, {}, b'{"code": 11232}') if self.kind == "feishu" else (503, {}, b"")
        return 200, {}, b'{"code": 0}'


async def decide(place, minute, after, names, before, state):
    async with place.open() as records:
        records._wall = type(records)(records._engine)._wall
        lease = await records.acquire("one", 60_000)
        episodes = tuple(
            Episode(
                alert_id("surge", name, M0), "surge", name, M0, "tone", "warning", evidence=EVIDENCE
            )
            for name in names
        )
        moves = tuple(Move(e.series, before, state, "x", e.id) for e in episodes)
        await records.commit_minute(
            lease,
            Minute(minute, after, episodes=episodes if state == "firing" else (), moves=moves),
        )


def end(process):
    process.kill()  # SIGKILL
    process.join()


async def killing(url, key, kills, rng, done):
    """Two processes at a time, one of which is killed now and then, until ``done``."""
    running = [start(url, key, f"w{n}") for n in range(2)]
    killed = 0
    try:
        while not await done():
            await asyncio.sleep(rng.uniform(0.3, 1.6))
            if killed < kills:
                end(running.pop(0))
                killed += 1
                running.append(start(url, key, f"w{killed + 1}"))
    finally:
        for process in running:
            end(process)
    return killed


@pytest.mark.parametrize(
    ("count", "kills"),
    [
        pytest.param(40, 4, marks=pytest.mark.timeout(180)),
        pytest.param(1_000, 20, marks=[pytest.mark.soak, pytest.mark.timeout(1800)]),
        pytest.param(3_000, 50, marks=[pytest.mark.soak, pytest.mark.timeout(3600)]),
        pytest.param(10_000, 100, marks=[pytest.mark.soak, pytest.mark.timeout(7000)]),
    ],
)
async def test_every_alert_arrives_in_order_through_kills(database, count, kills):
    engine = engine_of(database.url())
    upgrade(engine)
    engine.dispose()
    key, secret, rng = new_key(), new_secret(), random.Random(count)
    sealer, url = FernetSealer(key), database.url()
    hook, bot = Unruly(1, "webhook", secret), Unruly(2, "feishu")
    names = [f"topic:{n}" for n in range(count)]
    few = names[:40]
    async with receiving(hook) as one, receiving(bot) as two:
        notices = await open_notices(url)
        signed = sealer.seal({"url": one.url, "secrets": [secret]})
        await notices.put_channel(Channel("a", "ann", "a", "webhook", "", signed))
        await notices.put_channel(
            Channel("b", "ann", "b", "feishu", "", sealer.seal({"url": two.url}))
        )
        grouping = Grouping(group_by=("alert",), group_wait=0, group_interval=0)
        for name, topics in (("a", ()), ("b", tuple(n.partition(":")[2] for n in few))):
            wants = Subscription(name, "ann", name, (name,), Filters(topics=topics))
            await notices.put_subscription(
                msgspec.structs.replace(wants, grouping=grouping, flood=0)
            )
        await decide(database, M0, None, names, "normal", "firing")

        async def told(state, of, receiver):
            texts = {c.body for c in receiver.got}
            return sum(state.encode() in t for t in texts) >= of

        async def half():
            return await told('"firing"', count // 2, hook)

        async def empty():
            work = await notices.work(1)
            return not work.rows and (await notices.waiting())[0] == 0

        killed = await killing(url, key, kills // 2, rng, half)
        await decide(database, M0 + 1, M0, names, "firing", "resolved")
        killed += await killing(url, key, kills - killed, rng, empty)
        deliveries = await notices.deliveries(limit=10 * count)
        await notices.close()

    assert {d.stage for d in deliveries} == {"sent"}
    bodies: dict[str, bytes] = {}
    state: dict[str, str] = {}
    for call in hook.got:
        name = call.headers["webhook-id"]
        assert bodies.setdefault(name, call.body) == call.body, "a repeat is the same message"
        (item,) = call.json()["data"]["items"]
        assert len(item["stories"]) == 4
        assert state.get(item["alert"]) != "resolved" or item["state"] == "resolved"
        state[item["alert"]] = item["state"]
    assert state == {alert_id("surge", name, M0): "resolved" for name in names}
    assert bodies.keys() == {d.key for d in deliveries if d.channel == "a"}
    assert len(bot.got) >= len(few)
    repeats = len(hook.got) - len(bodies)
    print(
        f"{count} alerts, {len(deliveries)} messages, {killed} kills, {len(one.calls)} answered, "
        f"{repeats} repeats at the webhook: none lost, none out of order"
    )
