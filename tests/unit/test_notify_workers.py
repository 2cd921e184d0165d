"""The workers over the twin: what they make of answers, dead letters, late ones, and their pace."""

import asyncio
from dataclasses import dataclass, field

import pytest

from consumers.adapters.http import Health
from consumers.notify.core.answers import DELAYS, Answer
from consumers.notify.metrics import Metrics
from consumers.notify.ports import Letter
from consumers.notify.sealing import FernetSealer, new_key, sealer_of
from consumers.notify.workers import Workers
from consumers.records.memory import MemoryRecords
from consumers.records.notices.memory import MemoryNotices
from groundswell.errors import CannotStart, SettingsError, Transient
from groundswell.settings import Settings
from tests.notices_world import channel, planned, put, subscription
from tests.notify_world import HOUR
from tests.records_world import Hand
from tests.unit.test_notify_payloads import item

SEALER = FernetSealer(new_key())


@dataclass
class Clock:
    hand: Hand

    def now(self):
        return self.hand.at / 1000

    def wall(self):
        return self.hand.at - 12_345_678  # this machine's clock is wrong


@dataclass
class Script:
    """A sender that answers what it is told."""

    answers: list[Answer] = field(default_factory=list)
    sent: list[Letter] = field(default_factory=list)

    async def send(self, letter):
        self.sent.append(letter)
        return self.answers.pop(0) if self.answers else Answer(200)


@pytest.fixture
async def scene():
    hand, script = Hand(), Script()
    notices = MemoryNotices(MemoryRecords(hand))
    for name in ("c1", "c2"):
        await notices.put_channel(channel(name, sealed=SEALER.seal({"url": "https://a.test"})))
    await notices.put_subscription(subscription(channels=("c1", "c2")))
    senders = {"webhook": script}
    workers = Workers(
        notices, senders, SEALER, Clock(hand), Health(), Metrics(), "w", most=4, pace={}
    )
    return workers, notices, script, hand


async def work(workers):
    while await workers.turn():
        await workers.finish()


async def test_a_message_is_sent_with_its_key_and_the_time_of_the_records(scene):
    workers, notices, script, hand = scene
    await put(notices, planned(1))
    await work(workers)
    (letter,) = script.sent
    assert (letter.key, letter.at, letter.config) == ("k1", hand.at, {"url": "https://a.test"})
    assert (await notices.deliveries())[0].stage == "sent"


async def test_tries_follow_the_schedule_and_end(scene):
    workers, notices, script, hand = scene
    script.answers = [Answer(500)] * 20
    await put(notices, planned(1))
    begun = hand.at
    while (await notices.deliveries("waiting", "c1")) and len(script.sent) < 20:
        await work(workers)
        hand.at += HOUR if len(script.sent) > 6 else 1000
    keys = [letter.key for letter in script.sent if letter.message.reason != "receiver_failed"]
    assert keys == ["k1"] * len(DELAYS)
    assert hand.at - begun > 3 * 24 * HOUR * 0.8
    (dead,) = await notices.deliveries("dead")
    assert "given up after 12 tries" in dead.said


async def test_a_dead_one_is_told_on_another_channel_once_an_hour(scene):
    workers, notices, script, _ = scene
    script.answers = [Answer(404), Answer(404)]
    await put(notices, planned(1), planned(2, "b"))
    await work(workers)
    told = [letter.message for letter in script.sent if letter.message.reason == "receiver_failed"]
    assert [message.note for message in told] == ["c1: 404"]
    assert [d.channel for d in await notices.deliveries("sent")] == ["c2"]


async def test_a_receiver_that_is_gone_is_not_called_again(scene):
    workers, notices, script, _ = scene
    script.answers = [Answer(410)]
    await put(notices, planned(1), planned(2))
    await work(workers)
    assert [letter.key for letter in script.sent if letter.key.startswith("k")] == ["k1"]
    assert [c.disabled for c in await notices.channels()] == ["the receiver answered 410: gone", ""]
    await notices.disable_channel("c1", "")
    await work(workers)
    assert [letter.key for letter in script.sent if letter.key.startswith("k")] == ["k1", "k2"]


async def test_what_is_late_is_combined_with_what_came_since(scene):
    workers, notices, script, hand = scene
    script.answers = [Answer(500)]
    await put(notices, planned(1, items=(item(),), total=1))
    await work(workers)
    done = item(state="resolved", change="new_resolved_alerts")
    hand.at += 2 * HOUR
    await put(notices, planned(2, items=(done,), total=1, reason="all_alerts_resolved"))
    await work(workers)
    assert [letter.key for letter in script.sent] == ["k1", "k2"]
    assert script.sent[1].message.items[0].also == "fired_and_resolved"
    assert [d.stage for d in await notices.deliveries()] == ["sent", "combined"]


async def test_a_kind_or_a_key_that_is_not_known_loses_nothing(scene):
    workers, notices, _, _ = scene
    await notices.put_channel(channel("c3", "wecom", sealed=SEALER.seal({})))
    await notices.put_channel(channel("c4", sealed=b"sealed by another"))
    await put(notices, planned(1, channel="c3"), planned(2, channel="c4"))
    await work(workers)
    by_channel = {d.channel: (d.stage, d.said) for d in await notices.deliveries()}
    assert by_channel["c3"] == ("dead", "this release has no wecom")
    assert by_channel["c4"][0] == "waiting"
    assert "does not open" in by_channel["c4"][1]


async def test_a_sender_that_never_ends_is_given_up(scene, monkeypatch):
    workers, notices, _, _ = scene

    class Endless:
        async def send(self, _letter):
            await asyncio.sleep(60)

    monkeypatch.setattr("consumers.notify.workers.TRY_SECONDS", 0.05)
    workers.senders["webhook"] = Endless()
    await put(notices, planned(1))
    await workers.turn()
    await asyncio.wait(workers._busy)
    await workers.turn()
    assert "no answer within" in (await notices.deliveries())[0].said


async def test_records_that_are_away_when_it_is_written_down_are_said(scene):
    workers, notices, _, _ = scene

    class Away(MemoryNotices):
        async def settle(self, _claim, _outcome):
            raise Transient("away")

    notices.__class__ = Away
    await put(notices, planned(1))
    with pytest.raises(Transient):
        await work(workers)
    assert (await notices.deliveries())[0].stage == "waiting"


def test_secrets_are_sealed_and_keys_can_be_replaced():
    old, new = new_key(), new_key()
    sealed = FernetSealer(old).seal({"url": "https://a.test/secret"})
    assert b"secret" not in sealed
    both = FernetSealer(f"{new},{old}")
    assert both.open(sealed) == {"url": "https://a.test/secret"}
    assert FernetSealer(new).open(both.seal({"a": 1})) == {"a": 1}
    with pytest.raises(CannotStart, match="does not open"):
        FernetSealer(new).open(sealed)
    with pytest.raises(SettingsError, match="channels key"):
        FernetSealer("no key")


def test_the_key_file_is_made_once_and_for_its_owner_alone(tmp_path):
    settings = Settings(secrets_key_file=tmp_path / "k")
    sealed = sealer_of(settings).seal({"a": 1})
    assert sealer_of(settings).open(sealed) == {"a": 1}
    assert (tmp_path / "k").stat().st_mode & 0o777 == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["k"]
    with pytest.raises(CannotStart, match="cannot be used"):
        sealer_of(Settings(secrets_key_file=tmp_path / "no" / "k"))
